use crate::Target;
use crate::client::Connection;
use crate::error::{CliError, Result};
use crate::output::{Format, Table, print};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Move small commits to files, merge small files, drop what no snapshot keeps
#[derive(clap::Args)]
pub(crate) struct Maintain {
    #[command(flatten)]
    target: Target,
}

impl Maintain {
    /// One statement a step, so that it shows where it is and stops between two.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let connection = Connection::open(&self.target.dir).await?;
        let result = tokio::select! {
            result = self.steps(&connection) => result,
            _ = tokio::signal::ctrl_c() => Err(CliError::new("interrupted").hint("What was done stays. Run it again to go on.")),
        };
        connection.close().await;
        let all = result?;
        if self.target.output == Format::Json {
            all.print(Format::Json)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn steps(&self, connection: &Connection) -> Result<Table> {
        let mut all = Table::default();
        for step in 1.. {
            let answer = connection.client.simple_query(&format!("SELECT sluice.maintain(step => {step})")).await?;
            let Some(table) = Table::collect(answer).pop() else { break };
            all.columns = table.columns;
            let Some(row) = table.rows.into_iter().next() else { break };
            if self.target.output == Format::Text {
                show(&row)?;
            }
            let last = row[0] == row[1];
            all.rows.push(row);
            if last {
                break;
            }
        }
        Ok(all)
    }
}

fn show(row: &[Option<String>]) -> Result<()> {
    let cell = |i: usize| row.get(i).and_then(|c| c.as_deref()).unwrap_or_default();
    let counts = [("rows", 4), ("files", 5), ("files merged", 6), ("snapshots", 7)];
    let counts: Vec<String> =
        counts.iter().filter(|(_, i)| cell(*i) != "0").map(|(name, i)| format!("{} {name}", cell(*i))).collect();
    let what = [cell(2), cell(3)].join(" ");
    let clear = if std::io::stdout().is_terminal() { "\r\x1b[K" } else { "" };
    if !clear.is_empty() {
        print(format_args!("{clear}[{}/{}] {}", cell(0), cell(1), what.trim()))?;
    }
    if !counts.is_empty() {
        print(format_args!("{clear}{}: {}\n", what.trim(), counts.join(", ")))?;
    }
    if cell(0) == cell(1) {
        print(format_args!("{clear}done\n"))?;
    }
    Ok(())
}
