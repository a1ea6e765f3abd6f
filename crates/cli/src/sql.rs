use crate::Target;
use crate::client::Connection;
use crate::error::{CliError, Result};
use crate::output::Table;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run SQL against a running or a stopped lake
#[derive(clap::Args)]
pub(crate) struct Sql {
    #[command(flatten)]
    target: Target,
    /// Statements to run
    #[arg(short, long = "command", value_name = "SQL")]
    command: Option<String>,
    /// A file of statements; standard input without it
    file: Option<PathBuf>,
}

impl Sql {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let text = match (&self.command, &self.file) {
            (Some(_), Some(_)) => return Err(CliError::new("give either -c or a file")),
            (Some(command), None) => command.clone(),
            (None, Some(file)) => {
                std::fs::read_to_string(file).map_err(|e| CliError::new(format!("{}: {e}", file.display())))?
            }
            (None, None) => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
        };
        let connection = Connection::open(&self.target.dir).await?;
        let result = connection.client.simple_query(&text).await;
        connection.close().await;
        for table in Table::collect(result?) {
            table.print(self.target.output)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
