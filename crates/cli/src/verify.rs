use crate::Target;
use crate::client::Connection;
use crate::error::{CliError, Result};
use crate::output::{Format, Table, print};
use std::process::ExitCode;

/// Prove that maintained tables equal their queries over the stored tables
#[derive(clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    target: Target,
    /// Materialized views; all of them without a name
    names: Vec<String>,
    /// The snapshot to compare at; the newest without it
    #[arg(long, value_name = "VERSION")]
    at: Option<i64>,
    /// First bring the views that are held back up to date
    #[arg(long, conflicts_with = "at")]
    refresh: bool,
}

impl Verify {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let connection = Connection::open(&self.target.dir).await?;
        let result = self.tables(&connection).await;
        connection.close().await;
        let tables = result?;
        let mut all = Table::default();
        for table in tables {
            all.columns = table.columns;
            all.rows.extend(table.rows);
        }
        let cell = |row: &[Option<String>], i: usize| row.get(i).cloned().flatten().unwrap_or_default();
        let differing = all.rows.iter().any(|r| cell(r, 3) != "0");
        let compared = all.rows.iter().all(|r| cell(r, 5) == "t");
        if self.target.output == Format::Json {
            all.print(Format::Json)?;
        } else {
            print_text(&all)?;
        }
        Ok(match (differing, compared) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::SUCCESS,
            (false, false) => ExitCode::from(2),
        })
    }

    async fn tables(&self, connection: &Connection) -> Result<Vec<Table>> {
        if self.refresh {
            let held = "SELECT schema_name, name FROM sluice.status WHERE held_back IS NOT NULL";
            let held = Table::collect(connection.client.simple_query(held).await?);
            for row in held.into_iter().flat_map(|t| t.rows) {
                let part = |i: usize| row.get(i).cloned().flatten().unwrap_or_default();
                let (schema, name) = (part(0), part(1));
                if self.is_meant(&schema, &name) {
                    let name = [schema, name].map(|p| format!("\"{}\"", p.replace('"', "\"\""))).join(".");
                    connection.client.batch_execute(&format!("REFRESH MATERIALIZED VIEW {name}")).await?;
                }
            }
        }
        Ok(Table::collect(connection.client.simple_query(&self.sql()).await?))
    }

    /// Whether the command is about this view.
    fn is_meant(&self, schema: &str, name: &str) -> bool {
        let qualified = format!("{schema}.{name}");
        self.names.is_empty() || self.names.iter().any(|n| n == name || *n == qualified)
    }

    fn sql(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|n| n.replace('\'', "''")).collect();
        let at = self.at.map_or("NULL".to_string(), |at| at.to_string());
        format!("SELECT sluice.verify(names => '{}', at => {at})", names.join(","))
    }
}

fn print_text(all: &Table) -> Result<()> {
    let mut total = 0;
    for row in &all.rows {
        let cell = |i: usize| row.get(i).and_then(|c| c.as_deref()).unwrap_or_default();
        let count: usize = cell(3).parse().map_err(|_| CliError::new("the answer to verify cannot be read"))?;
        total += count;
        print(format_args!("{}: {} rows at snapshot {}, {count} differences\n", cell(0), cell(2), cell(1)))?;
        cell(4).lines().try_for_each(|line| print(format_args!("  {line}\n")))?;
    }
    print(format_args!("{total} differences\n"))
}
