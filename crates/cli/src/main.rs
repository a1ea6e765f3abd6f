//! The `sluice` binary: arguments, output, and which lake a command talks to.

mod client;
mod demo;
mod error;
mod inspect;
mod maintain;
mod output;
mod retention;
mod sql;
mod up;
mod verify;

use clap::{Parser, Subcommand};
use output::Format;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Planning a statement makes thousands of small objects, on several threads: the system's allocator took a fifth of
/// the time of a small statement.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps a medallion lakehouse fresh: changes come in, materialized views follow them in milliseconds, and every
/// table is an open DuckLake table.
#[derive(Parser)]
#[command(name = "sluice", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The lake that a command works on, and how it answers.
#[derive(clap::Args, Clone)]
pub(crate) struct Target {
    /// Folder of the lake
    #[arg(long, default_value = "lake", value_name = "DIR")]
    dir: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

#[derive(Subcommand)]
enum Command {
    /// See the main job with nothing to set up: a live shop, a crash on purpose, a proof
    #[command(after_help = "Example: sluice demo --orders 100000 --seconds 30")]
    Demo(demo::Demo),
    /// Run continuously and serve the PostgreSQL protocol
    #[command(after_help = "Example: sluice up --dir shop --listen 127.0.0.1:5433\n         psql -h 127.0.0.1 -p 5433")]
    Up(up::Up),
    /// Run SQL against a running or a stopped lake
    #[command(after_help = "Example: sluice sql --dir shop -c \"SELECT * FROM sluice.status\"")]
    Sql(sql::Sql),
    /// Show every materialized view: how fresh it is, and what holds it back
    #[command(after_help = "Example: sluice status --dir shop --output json")]
    Status(Target),
    /// Show what reads what
    #[command(after_help = "Example: sluice tree --dir shop gold_revenue")]
    Tree(inspect::Tree),
    /// Move small commits to files, merge small files, drop what no snapshot keeps; `up` does it by itself too
    #[command(
        after_help = "Example: sluice maintain --dir shop\nCtrl-C stops it after the step it is at; nothing is lost."
    )]
    Maintain(maintain::Maintain),
    /// Show how a materialized view follows what it reads: sources, operators with their state, reasons
    #[command(after_help = "Example: sluice explain --dir shop gold_revenue --output json")]
    Explain(inspect::Explain),
    /// Prove that maintained tables equal their queries over the stored tables
    #[command(
        after_help = "Example: sluice verify --dir shop\nExit codes: 0 no differences, 1 differences, 2 could not be compared"
    )]
    Verify(verify::Verify),
}

/// Whether log lines are coloured: for people only, and not for those who set NO_COLOR.
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The exit code of programs that the system ends because nobody reads their output: 128 and the number of SIGPIPE.
const UNREAD: u8 = 141;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SLUICE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,sluice_engine=info,sluice_serve=info"));
    // The driver logs every statement that it sends, and with that the passwords of roles.
    let filter = match "tokio_postgres=info".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours())
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(sluice_engine::STACK_BYTES)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: no threads to run on: {e}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(async {
        match Arguments::parse().command {
            Command::Demo(demo) => demo.run().await,
            Command::Up(up) => up.run().await,
            Command::Sql(sql) => sql.run().await,
            Command::Status(target) => inspect::status(&target).await,
            Command::Tree(tree) => tree.run().await,
            Command::Maintain(maintain) => maintain.run().await,
            Command::Explain(explain) => explain.run().await,
            Command::Verify(verify) => verify.run().await,
        }
    });
    // Threads that still compute something nobody waits for must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(e) if e.is_unread() => ExitCode::from(UNREAD),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}
