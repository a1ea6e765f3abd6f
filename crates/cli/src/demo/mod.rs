//! `sluice demo`: a live shop from bronze to platinum, a crash on purpose, and a proof of what is left.

mod acts;
mod correction;
mod crash;
mod freshness;
mod ledger;
mod load;
mod proof;
mod random;
mod screen;
mod server;
mod session;
mod shop;
mod stage;
mod stop;
mod watch;
mod writers;

use crate::error::{CliError, Result};
use crate::output::Format;
use screen::Screen;
use server::Server;
use stage::Stage;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use stop::Stop;

/// Show the main job: a live shop, a crash on purpose, and a proof
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Folder of the new lake; it is kept
    #[arg(long, default_value = "./sluice-demo", value_name = "DIR")]
    dir: PathBuf,
    /// Address to serve at; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:5433", value_name = "ADDR")]
    listen: SocketAddr,
    /// How long the shop is busy after loading
    #[arg(long, default_value = "60", value_name = "N", value_parser = clap::value_parser!(u64).range(4..=604_800))]
    seconds: u64,
    /// Changes a second to attempt
    #[arg(long, default_value = "500", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// Orders to load first
    #[arg(long, default_value = "1000000", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    orders: u64,
    /// How to print; json gives one object a line
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        self.refuse_a_lake()?;
        let screen = Arc::new(Screen::new(self.output));
        let mut stop = Stop::listen()?;
        let mut server = Server::start(&self.dir, self.listen).await?;
        screen.say("serving", server.greeting(), &[("address", server.address().into())]);
        let played = tokio::select! {
            played = self.play(&mut server, &screen, stop.clone()) => played.map_err(|e| server.explain(e)),
            () = stop.insisted() => Err(CliError::new("interrupted before the proof").hint(self.what_is_left())),
        };
        screen.leave();
        server.stop().await;
        let good = played?;
        screen.say("kept", format!("To go on: {}", self.going_on()), &[("command", self.going_on().into())]);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Everything between the start and the end of the server; whether all that was checked held.
    async fn play(&self, server: &mut Server, screen: &Arc<Screen>, mut stop: Stop) -> Result<bool> {
        let client = session::connect(&server.address()).await?;
        tokio::select! {
            filled = load::fill(&client, self.orders, screen) => filled?,
            () = stop.asked() => return Err(CliError::new("interrupted while loading").hint(self.what_is_left())),
        }
        let first = proof::newest(&client).await?;
        let stage = Arc::new(Stage::new(server.address(), &self.dir, self.orders, self.rate, stop));
        let survived = acts::perform(self.seconds, server, &stage, screen).await?;
        let proved = proof::prove(&stage, first, screen).await?;
        Ok(survived && proved)
    }

    fn refuse_a_lake(&self) -> Result<()> {
        if !self.dir.join("catalog.sqlite").exists() {
            return Ok(());
        }
        let text = format!("{} holds a lake already", self.dir.display());
        Err(CliError::new(text).hint(format!("{} opens it; --dir NEW makes the demo's own.", self.going_on())))
    }

    fn what_is_left(&self) -> String {
        format!("{} opens what is there; it may also be deleted.", self.going_on())
    }

    fn going_on(&self) -> String {
        format!("sluice up --dir {}", self.dir.display())
    }
}
