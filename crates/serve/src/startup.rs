//! The start of a connection: encryption, who is there, and a session with the parameters that the client wants.

use crate::cancel::Registration;
use crate::connection::Connection;
use crate::decode::utf8;
use crate::error::{Failure, error_response, protocol_violation};
use crate::frontend::{Body, Frontend};
use crate::listener::Server;
use crate::packet::{Packet, Startup};
use crate::parameters;
use crate::scram::{Exchange, METHOD};
use crate::wire::{Stream, Wire};
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey};
use pgwire::tokio::TlsAcceptor;
use sluice_engine::Session;
use sluice_sql::SqlError;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// How long a client may take until it is logged in.
const PATIENCE: Duration = Duration::from_secs(60);
/// The newest version of the protocol that is spoken: 3.2, whose secrets are longer.
const NEWEST_MINOR: u16 = 2;
const OLD_SECRET: usize = 4;
const NEW_SECRET: usize = 32;

/// A session that is about to begin.
struct Login {
    session: Session,
    registration: Registration,
    permit: OwnedSemaphorePermit,
}

/// Serves one client until it leaves. Only one that is `trusted` needs no password.
pub(crate) async fn serve(server: Arc<Server>, stream: Box<dyn Stream>, trusted: bool) {
    let deadline = Instant::now() + PATIENCE;
    let (stream, encrypted, packet) = match timeout_at(deadline, negotiate(stream, server.tls.as_ref())).await {
        Ok(Ok(negotiated)) => negotiated,
        Ok(Err(error)) => return tracing::debug!(%error, "a client left before it logged in"),
        Err(_) => return tracing::debug!("a client did not log in"),
    };
    let mut wire = Wire::new(stream);
    let startup = async {
        match packet? {
            Packet::Startup(_) if !(trusted || encrypted || server.tls.is_none()) => Err(unencrypted().into()),
            Packet::Startup(startup) => log_in(&server, &mut wire, &startup, trusted).await.map(Some),
            Packet::Cancel { pid, secret } => {
                server.sessions.cancel(pid, &secret);
                Ok(None)
            }
            Packet::Ssl | Packet::Gss => Ok(None),
        }
    };
    match timeout_at(deadline, startup).await {
        Ok(Ok(Some(Login { session, registration, permit }))) => {
            Connection::new(wire, session, registration, server.draining.subscribe()).run().await;
            drop(permit);
        }
        // Over TLS, the client waits for a proper end.
        Ok(Ok(None)) => wire.close().await,
        Ok(Err(Failure::Error(error) | Failure::Fatal(error))) => {
            tracing::debug!(%error, "a client was refused");
            if wire.put(&error_response("FATAL", &error)).is_ok() {
                wire.close().await;
            }
        }
        Ok(Err(Failure::Gone(error))) => tracing::debug!(%error, "a client left before it logged in"),
        Err(_) => tracing::debug!("a client did not log in"),
    }
}

/// Encrypts the connection if the client wants that; returns whether it is, and the packet that follows.
async fn negotiate(
    mut stream: Box<dyn Stream>,
    tls: Option<&TlsAcceptor>,
) -> io::Result<(Box<dyn Stream>, bool, Result<Packet, SqlError>)> {
    let (mut tls, mut encrypted) = (tls, false);
    loop {
        match Packet::read(&mut stream).await? {
            Ok(Packet::Ssl) => match tls.take() {
                Some(acceptor) => {
                    stream.write_all(b"S").await?;
                    stream.flush().await?;
                    stream = Box::new(acceptor.accept(stream).await?);
                    encrypted = true;
                }
                None => refuse_encryption(&mut stream).await?,
            },
            Ok(Packet::Gss) => refuse_encryption(&mut stream).await?,
            packet => return Ok((stream, encrypted, packet)),
        }
    }
}

/// A server with a certificate sends nothing over the network that others can read.
fn unencrypted() -> SqlError {
    SqlError::new("28000", "this server takes encrypted connections only").hint("Connect with sslmode=require.")
}

async fn refuse_encryption(stream: &mut Box<dyn Stream>) -> io::Result<()> {
    stream.write_all(b"N").await?;
    stream.flush().await
}

async fn log_in(server: &Server, wire: &mut Wire, startup: &Startup, trusted: bool) -> Result<Login, Failure> {
    let minor = agree_on_version(wire, startup)?;
    let no_user = || SqlError::new("28000", "no PostgreSQL user name specified in startup packet");
    let user = startup.get("user").ok_or_else(no_user)?;
    let database = startup.get("database").unwrap_or(user);
    let assignments = parameters::assignments(startup)?;
    let permit = Arc::clone(&server.slots).try_acquire_owned();
    let permit =
        permit.or_else(|full| if trusted { Arc::clone(&server.owner_slots).try_acquire_owned() } else { Err(full) });
    let permit = permit.map_err(|_| SqlError::new("53300", "sorry, too many clients already"))?;
    if !trusted {
        authenticate(server, wire, user).await?;
    }
    wire.put(&Authentication::Ok)?;
    let mut session = server.engine.session(user, database);
    for sql in assignments {
        for statement in session.parse(&sql)? {
            session.execute(&statement, Vec::new()).await?;
        }
    }
    session.begins();
    for (name, value) in session.parameter_statuses() {
        wire.put(&ParameterStatus::new(name.into(), value))?;
    }
    let secret_length = if minor < NEWEST_MINOR { OLD_SECRET } else { NEW_SECRET };
    let registration = server.sessions.register(secret_length)?;
    wire.put(&BackendKeyData::new(registration.pid, SecretKey::Bytes(registration.secret.clone())))?;
    Ok(Login { session, registration, permit })
}

/// Tells a client that is newer than this server, or wants options that nobody has, what it gets.
fn agree_on_version(wire: &mut Wire, startup: &Startup) -> io::Result<u16> {
    // There is no 3.1.
    let minor = if startup.minor < NEWEST_MINOR { 0 } else { NEWEST_MINOR };
    let names = startup.parameters.iter().map(|(name, _)| name);
    let unknown: Vec<String> = names.filter(|n| n.starts_with(parameters::PROTOCOL_OPTION)).cloned().collect();
    if startup.minor != minor || !unknown.is_empty() {
        wire.put(&NegotiateProtocolVersion::new((3 << 16) | i32::from(minor), unknown))?;
    }
    Ok(minor)
}

async fn authenticate(server: &Server, wire: &mut Wire, user: &str) -> Result<(), Failure> {
    let verifier = server.engine.verifier(user);
    wire.put(&Authentication::SASL(vec![METHOD.into()]))?;
    let mut first = Body(password_message(wire).await?);
    if first.text()? != METHOD {
        return Err(Failure::protocol("client selected an invalid SASL authentication mechanism"));
    }
    let client_first = first.value()?.ok_or_else(|| protocol_violation("malformed SCRAM message"))?;
    let (exchange, challenge) = Exchange::start(user, verifier, &server.decoys, utf8(&client_first)?)?;
    wire.put(&Authentication::SASLContinue(challenge.into()))?;
    let client_final = password_message(wire).await?;
    let proof = exchange.finish(utf8(&client_final)?)?;
    wire.put(&Authentication::SASLFinal(proof.into()))?;
    Ok(())
}

async fn password_message(wire: &mut Wire) -> Result<bytes::Bytes, Failure> {
    wire.flush().await?;
    let frame = wire.read().await?.ok_or(io::ErrorKind::UnexpectedEof).map_err(io::Error::from)?;
    match frame.read()? {
        Frontend::Password(data) => Ok(data),
        _ => Err(Failure::protocol("expected SASL response")),
    }
}
