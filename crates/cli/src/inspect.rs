//! Commands that show what the lake says of itself.

use crate::Target;
use crate::client::Connection;
use crate::error::Result;
use crate::output::{Format, Table};
use std::process::ExitCode;

/// Show what reads what
#[derive(clap::Args)]
pub(crate) struct Tree {
    #[command(flatten)]
    target: Target,
    /// A materialized view; all of them without it
    name: Option<String>,
}

pub(crate) async fn status(target: &Target) -> Result<ExitCode> {
    let columns = "schema_name, name, status, strategy, schedule, rows, staleness, refreshes, last_refresh_ms, error";
    show(target, &format!("SELECT {columns} FROM sluice.status ORDER BY 1, 2")).await?;
    Ok(ExitCode::SUCCESS)
}

impl Tree {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let name = self.name.map_or(String::new(), |n| format!("'{}'", n.replace('\'', "''")));
        let sql =
            format!("SELECT tree_line, node_type, depth, refresh_order, status FROM pgtrickle.dependency_tree({name})");
        if self.target.output == Format::Json {
            show(&self.target, &sql).await?;
            return Ok(ExitCode::SUCCESS);
        }
        for table in query(&self.target, &sql).await? {
            for row in table.rows {
                println!("{}", row[0].as_deref().unwrap_or_default());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn show(target: &Target, sql: &str) -> Result<()> {
    for table in query(target, sql).await? {
        table.print(target.output);
    }
    Ok(())
}

async fn query(target: &Target, sql: &str) -> Result<Vec<Table>> {
    let connection = Connection::open(&target.dir).await?;
    let result = connection.client.simple_query(sql).await;
    connection.close().await;
    Ok(Table::collect(result?))
}
