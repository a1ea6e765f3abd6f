//! Commands that show what the lake says of itself.

use crate::Target;
use crate::client::Connection;
use crate::error::Result;
use crate::output::{Format, Table, print};
use serde_json::Value;
use std::process::ExitCode;

/// Show what reads what
#[derive(clap::Args)]
pub(crate) struct Tree {
    #[command(flatten)]
    target: Target,
    /// A materialized view; all of them without it
    name: Option<String>,
}

/// Show how a materialized view follows what it reads
#[derive(clap::Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    target: Target,
    /// The materialized view
    name: String,
}

impl Explain {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let name = self.name.replace('\'', "''");
        let facts = query(
            &self.target,
            &format!("SELECT * FROM pgtrickle.explain_st('{name}') WHERE property NOT LIKE 'step %'"),
        )
        .await?;
        let steps = query(&self.target, &format!("SELECT * FROM sluice.explain('{name}') ORDER BY step")).await?;
        let (facts, steps) =
            (facts.into_iter().next().unwrap_or_default(), steps.into_iter().next().unwrap_or_default());
        if self.target.output == Format::Json {
            let mut object = serde_json::Map::new();
            for row in &facts.rows {
                if let [Some(property), value] = row.as_slice() {
                    object.insert(property.clone(), value.clone().map_or(Value::Null, Value::String));
                }
            }
            object.insert("steps".into(), steps.json());
            print(format_args!("{}\n", Value::Object(object)))?;
            return Ok(ExitCode::SUCCESS);
        }
        for row in &facts.rows {
            if let [Some(property), Some(value)] = row.as_slice() {
                print(format_args!("{property}: {value}\n"))?;
            }
        }
        print("\n")?;
        steps.print(Format::Text)?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) async fn status(target: &Target) -> Result<ExitCode> {
    let columns = "schema_name, name, status, strategy, schedule, rows, staleness, held_back, behind_schedule, refreshes, \
                   last_refresh_ms, error";
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
                print(format_args!("{}\n", row[0].as_deref().unwrap_or_default()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn show(target: &Target, sql: &str) -> Result<()> {
    for table in query(target, sql).await? {
        table.print(target.output)?;
    }
    Ok(())
}

async fn query(target: &Target, sql: &str) -> Result<Vec<Table>> {
    let connection = Connection::open(&target.dir).await?;
    let result = connection.client.simple_query(sql).await;
    connection.close().await;
    Ok(Table::collect(result?))
}
