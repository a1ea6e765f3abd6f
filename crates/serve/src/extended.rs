//! The extended protocol: prepared statements, and portals that execute them with parameters. Statements up to the next
//! Sync are one transaction; after an error, all is skipped up to there.

use crate::connection::Connection;
use crate::deallocate::Deallocate;
use crate::decode;
use crate::encode::{Format, formats};
use crate::error::{Failure, protocol_violation};
use crate::frontend::{Bind, Parse, Target};
use crate::rows::{Cursor, counted, row_description};
use datafusion::common::ScalarValue;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;
use sluice_engine::{Outcome, OutputColumn, Parsed};
use sluice_sql::{SqlError, SqlType};
use std::sync::Arc;

/// character(n), whose values are plain text.
const BPCHAR: u32 = 1042;

/// A prepared statement.
pub(crate) struct Prepared {
    /// `None` for an empty text.
    statement: Option<Parsed>,
    parameters: Vec<SqlType>,
    /// `None` if no rows come of it.
    columns: Option<Vec<OutputColumn>>,
    deallocate: Option<Deallocate>,
}

/// A statement with parameters, ready to run or on its way.
pub(crate) struct Portal {
    prepared: Arc<Prepared>,
    formats: Vec<Format>,
    state: State,
}

enum State {
    Ready(Vec<ScalarValue>),
    /// Some of its rows are sent.
    Open(Cursor, String),
    /// All is done; a result with rows has its tag.
    Done(Option<String>),
}

impl Connection {
    pub(crate) fn parse(&mut self, message: Parse) -> Result<(), Failure> {
        let Parse { name, sql, types } = message;
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(SqlError::new("42P05", format!("prepared statement \"{name}\" already exists")).into());
        }
        let declared = types.into_iter().map(declared_type).collect::<Result<Vec<_>, _>>()?;
        let mut statements = self.session.parse(&sql)?;
        if statements.len() > 1 {
            return Err(SqlError::new("42601", "cannot insert multiple commands into a prepared statement").into());
        }
        let prepared = match statements.pop() {
            None => Prepared { statement: None, parameters: Vec::new(), columns: None, deallocate: None },
            Some(statement) => {
                let described = self.session.describe(&statement, &declared)?;
                Prepared {
                    statement: Some(statement),
                    parameters: described.params,
                    columns: described.columns,
                    deallocate: Deallocate::parse(&sql),
                }
            }
        };
        self.statements.insert(name, Arc::new(prepared));
        Ok(self.wire.put(&ParseComplete::new())?)
    }

    pub(crate) fn bind(&mut self, message: Bind) -> Result<(), Failure> {
        let Bind { portal, statement, formats: codes, values, result_formats } = message;
        let prepared = self.prepared(&statement)?;
        if !portal.is_empty() && self.portals.contains_key(&portal) {
            return Err(SqlError::new("42P03", format!("cursor \"{portal}\" already exists")).into());
        }
        let (given, wanted) = (values.len(), prepared.parameters.len());
        if given != wanted {
            let message = format!(
                "bind message supplies {given} parameters, but prepared statement \"{statement}\" requires {wanted}"
            );
            return Err(protocol_violation(message).into());
        }
        let value_formats = formats(&codes, given).ok_or_else(|| {
            protocol_violation(format!("bind message has {} parameter formats but {given} parameters", codes.len()))
        })??;
        let columns = prepared.columns.as_ref().map_or(0, Vec::len);
        let formats = formats(&result_formats, columns).ok_or_else(|| {
            protocol_violation(format!(
                "bind message has {} result formats but query has {columns} columns",
                result_formats.len()
            ))
        })??;
        let values = prepared.parameters.iter().zip(value_formats).zip(&values);
        let values = values.map(|((ty, format), value)| decode::parameter(ty, format, value.as_deref(), self.zone));
        let state = State::Ready(values.collect::<Result<_, _>>()?);
        self.portals.insert(portal, Portal { prepared, formats, state });
        Ok(self.wire.put(&BindComplete::new())?)
    }

    pub(crate) fn describe(&mut self, target: Target) -> Result<(), Failure> {
        match target {
            Target::Statement(name) => {
                let prepared = self.prepared(&name)?;
                let types = prepared.parameters.iter().map(SqlType::oid).collect();
                self.wire.put(&ParameterDescription::new(types))?;
                let formats = vec![Format::Text; prepared.columns.as_ref().map_or(0, Vec::len)];
                self.describe_columns(prepared.columns.as_deref(), &formats)
            }
            Target::Portal(name) => match self.portals.get(&name) {
                Some(portal) => {
                    let (prepared, formats) = (Arc::clone(&portal.prepared), portal.formats.clone());
                    self.describe_columns(prepared.columns.as_deref(), &formats)
                }
                None => self.describe_cursor(&name),
            },
        }
    }

    /// To PostgreSQL, a cursor of DECLARE is a portal.
    fn describe_cursor(&mut self, name: &str) -> Result<(), Failure> {
        let fetch = format!("FETCH 0 FROM \"{}\"", name.replace('"', "\"\""));
        let described = self.session.parse(&fetch).ok().and_then(|statements| {
            let described = self.session.describe(statements.first()?, &[]).ok()?;
            described.columns
        });
        let columns = described.ok_or_else(|| no_portal(name))?;
        self.describe_columns(Some(&columns), &vec![Format::Text; columns.len()])
    }

    fn describe_columns(&mut self, columns: Option<&[OutputColumn]>, formats: &[Format]) -> Result<(), Failure> {
        match columns {
            Some(columns) => self.wire.put(&row_description(columns, formats))?,
            None => self.wire.put(&NoData::new())?,
        }
        Ok(())
    }

    pub(crate) async fn execute_portal(&mut self, name: String, max_rows: i32) -> Result<(), Failure> {
        // A portal that fails is not put back.
        let portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        self.start_time();
        let limit = u64::try_from(max_rows).ok().filter(|rows| *rows > 0).unwrap_or(u64::MAX);
        let Portal { prepared, formats, state } = portal;
        let state = match state {
            State::Ready(values) => self.start(&prepared, &formats, values, limit).await?,
            State::Open(cursor, tag) => self.fetch(cursor, tag, limit).await?,
            State::Done(Some(tag)) => {
                self.complete(counted(&tag, 0))?;
                State::Done(Some(tag))
            }
            State::Done(None) => {
                return Err(SqlError::new("55000", format!("portal \"{name}\" cannot be run")).into());
            }
        };
        self.portals.insert(name, Portal { prepared, formats, state });
        Ok(())
    }

    async fn start(
        &mut self,
        prepared: &Prepared,
        formats: &[Format],
        values: Vec<ScalarValue>,
        limit: u64,
    ) -> Result<State, Failure> {
        let Some(statement) = &prepared.statement else {
            self.wire.put(&EmptyQueryResponse::new())?;
            return Ok(State::Done(None));
        };
        if let Some(deallocate) = &prepared.deallocate
            && self.deallocate(deallocate)?
        {
            return Ok(State::Done(None));
        }
        if !self.is_alone() {
            self.begin_implicit();
        }
        let tag = match self.execute(statement, values).await? {
            Outcome::Rows { columns, batches, tag } => {
                same_types(prepared.columns.as_deref().unwrap_or_default(), &columns)?;
                return self.fetch(Cursor::new(columns, formats.to_vec(), batches), tag, limit).await;
            }
            Outcome::Done { tag } => tag,
            Outcome::Empty => {
                self.wire.put(&EmptyQueryResponse::new())?;
                return Ok(State::Done(None));
            }
            Outcome::CopyIn(copy) => self.copy_in(copy).await?,
            Outcome::CopyOut { format, columns, batches } => self.copy_out(format, columns, batches).await?,
        };
        self.finish(tag).await?;
        Ok(State::Done(None))
    }

    /// Sends rows up to the limit.
    async fn fetch(&mut self, mut cursor: Cursor, tag: String, limit: u64) -> Result<State, Failure> {
        let rows = self.send_rows(&mut cursor, limit).await?;
        if cursor.is_at_end() {
            self.finish(counted(&tag, rows)).await?;
            return Ok(State::Done(Some(tag)));
        }
        self.wire.put(&PortalSuspended::new())?;
        Ok(State::Open(cursor, tag))
    }

    /// Tells that a statement is done. The last one of a pipeline commits it first: clients expect an error in place of
    /// the end of a statement, and not every driver copes with one that comes after it, at the Sync.
    async fn finish(&mut self, tag: String) -> Result<(), Failure> {
        if self.wire.sync_is_next() {
            self.end_implicit().await?;
        }
        Ok(self.complete(tag)?)
    }

    /// What does not exist can be closed too.
    pub(crate) fn close(&mut self, target: Target) -> Result<(), Failure> {
        match target {
            Target::Statement(name) => drop(self.statements.remove(&name)),
            Target::Portal(name) => drop(self.portals.remove(&name)),
        }
        Ok(self.wire.put(&CloseComplete::new())?)
    }

    fn prepared(&self, name: &str) -> Result<Arc<Prepared>, SqlError> {
        self.statements.get(name).map(Arc::clone).ok_or_else(|| {
            let which = if name.is_empty() {
                "unnamed prepared statement".into()
            } else {
                format!("prepared statement \"{name}\"")
            };
            SqlError::new("26000", format!("{which} does not exist"))
        })
    }
}

/// The type that a client declares; `None` leaves it to the statement.
fn declared_type(oid: u32) -> Result<Option<SqlType>, SqlError> {
    match SqlType::from_oid(oid) {
        _ if oid == 0 => Ok(None),
        Some(SqlType::Unknown) => Ok(None),
        Some(ty) => Ok(Some(ty)),
        None if oid == BPCHAR => Ok(Some(SqlType::Text)),
        None => Err(SqlError::new("42704", format!("a parameter's type with OID {oid} does not exist"))
            .hint("Pass the value as text and cast it in the statement.")),
    }
}

fn no_portal(name: &str) -> SqlError {
    SqlError::new("34000", format!("portal \"{name}\" does not exist"))
}

/// Clients decode rows by what they were told when the statement was prepared.
fn same_types(told: &[OutputColumn], columns: &[OutputColumn]) -> Result<(), SqlError> {
    let same = told.len() == columns.len() && told.iter().zip(columns).all(|(a, b)| a.ty.oid() == b.ty.oid());
    if same { Ok(()) } else { Err(SqlError::new("0A000", "cached plan must not change result type")) }
}
