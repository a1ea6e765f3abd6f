//! `SELECT pgtrickle.create_stream_table(...)` and its kin: SQL written for pg_trickle runs unchanged, over the same
//! code as the statements.

use super::ddl::{NewView, check_schedule, parse_mode};
use super::{Outcome, Session};
use crate::catalog::{Mode, ObjectRef, TableDef};
use crate::tick::{DdlOp, Refresh, Request, ViewStatus, stopped};
use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType, fold};
use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Select, SelectItem, SetExpr, TableFactor,
    TableWithJoins, UnaryOperator, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A call of a management function, its arguments by name.
pub(crate) struct Call {
    name: String,
    args: BTreeMap<String, String>,
}

/// Functions and the names of their arguments, in order.
const FUNCTIONS: [(&str, &[&str]); 15] = [
    ("create_stream_table", CREATE),
    ("create_stream_table_if_not_exists", CREATE),
    ("create_or_replace_stream_table", CREATE),
    ("alter_stream_table", &["name", "query", "schedule", "refresh_mode", "status"]),
    ("drop_stream_table", &["name", "cascade"]),
    ("refresh_stream_table", &["name"]),
    ("pause_stream_table", &["name"]),
    ("resume_stream_table", &["name"]),
    ("pause", &["name"]),
    ("resume", &["name"]),
    ("wait_for", &["name", "timeout"]),
    ("version", &[]),
    ("verify", &["names", "at"]),
    ("maintain", &["step"]),
    ("resync", &["name"]),
];

const CREATE: &[&str] = &["name", "query", "schedule", "refresh_mode", "initialize"];

impl Call {
    /// The columns of its result.
    pub(crate) fn columns(&self) -> Vec<(String, SqlType)> {
        match self.name.as_str() {
            "version" => vec![(self.name.clone(), SqlType::Text)],
            "verify" => super::verify::columns(),
            "maintain" => super::maintain::columns(),
            _ => vec![(self.name.clone(), SqlType::Void)],
        }
    }

    /// An argument, if it was given and is not NULL.
    pub(crate) fn arg(&self, name: &str) -> Option<&str> {
        self.args.get(name).map(String::as_str)
    }

    fn text(&self, name: &str) -> Result<String> {
        self.args
            .get(name)
            .cloned()
            .ok_or_else(|| SqlError::new("42883", format!("pgtrickle.{} needs the argument {name}", self.name)))
    }

    fn object(&self) -> Result<ObjectRef> {
        Ok(ObjectRef::parse_text(&self.text("name")?))
    }
}

/// Whether a name in FROM is one of these functions, which are statements of their own.
pub(crate) fn stands_alone(name: &str) -> bool {
    let (schema, function) = name.split_once('.').unwrap_or(("", name));
    matches!(schema, "sluice" | "pgtrickle") && FUNCTIONS.iter().any(|(known, _)| *known == function)
}

/// Recognizes `SELECT schema.function(...)` with one of our functions.
pub(crate) fn management_call(query: &ast::Query) -> Result<Option<Call>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(None) };
    if let Some((name, args)) = called_in_from(query, select) {
        let name = ObjectRef::parse(name)?;
        let function = FUNCTIONS.iter().find(|(n, _)| *n == name.name);
        let ours = matches!(name.schema.as_deref(), Some("pgtrickle" | "sluice"));
        return match function.filter(|_| ours) {
            Some((_, names)) => Ok(Some(Call { args: read_args(&name.name, names, args)?, name: name.name })),
            None => Ok(None),
        };
    }
    let [
        SelectItem::UnnamedExpr(Expr::Function(function))
        | SelectItem::ExprWithAlias { expr: Expr::Function(function), .. },
    ] = select.projection.as_slice()
    else {
        return Ok(None);
    };
    let name = ObjectRef::parse(&function.name)?;
    if !matches!(name.schema.as_deref(), Some("pgtrickle" | "sluice")) {
        return Ok(None);
    }
    if !select.from.is_empty() || select.selection.is_some() {
        return Err(SqlError::unsupported(
            format!("{} beside FROM or WHERE", name.shown()),
            "Call it by itself: SELECT function(...).",
        ));
    }
    let Some((_, names)) = FUNCTIONS.iter().find(|(n, _)| *n == name.name) else {
        let known = sluice_sql::nearest(&name.name, FUNCTIONS.iter().map(|(n, _)| *n));
        let error = SqlError::new("42883", format!("function {}() does not exist", name.shown()));
        return Err(match known {
            Some(near) => error.hint(format!("Perhaps you meant {}.{near}.", name.schema.unwrap_or_default())),
            None => error,
        });
    };
    let args = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => &[],
    };
    Ok(Some(Call { args: read_args(&name.name, names, args)?, name: name.name }))
}

/// The function of `SELECT * FROM function(...)` and its arguments, if that is all there is.
fn called_in_from<'a>(query: &'a ast::Query, select: &'a Select) -> Option<(&'a ObjectName, &'a [FunctionArg])> {
    let [SelectItem::Wildcard(_)] = select.projection.as_slice() else { return None };
    let [TableWithJoins { relation: TableFactor::Table { name, args: Some(args), .. }, joins }] =
        select.from.as_slice()
    else {
        return None;
    };
    let alone =
        joins.is_empty() && select.selection.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    alone.then_some((name, args.args.as_slice()))
}

fn read_args(function: &str, names: &[&str], args: &[FunctionArg]) -> Result<BTreeMap<String, String>> {
    let mut read = BTreeMap::new();
    for (i, arg) in args.iter().enumerate() {
        let (name, value) = match arg {
            FunctionArg::Named { name, arg, .. } => (fold(name), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => (fold(name), arg),
            FunctionArg::Unnamed(arg) => match names.get(i) {
                Some(name) => (name.to_string(), arg),
                None => {
                    return Err(SqlError::unsupported(
                        format!("argument {} of {function}", i + 1),
                        format!("Arguments: {}.", names.join(", ")),
                    ));
                }
            },
            other => return Err(SqlError::new("42601", format!("cannot read the argument {other}"))),
        };
        if !names.contains(&name.as_str()) {
            return Err(SqlError::unsupported(
                format!("the argument {name} of {function}"),
                format!("Arguments: {}.", names.join(", ")),
            ));
        }
        let FunctionArgExpr::Expr(value) = value else {
            return Err(SqlError::new("42601", format!("cannot read the argument {name}")));
        };
        if let Some(value) = literal(value)? {
            read.insert(name, value);
        }
    }
    Ok(read)
}

/// The text of a literal; `None` for NULL.
fn literal(expr: &Expr) -> Result<Option<String>> {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) | Value::EscapedStringLiteral(s) => Ok(Some(s.clone())),
            Value::DollarQuotedString(s) => Ok(Some(s.value.clone())),
            Value::Boolean(b) => Ok(Some(b.to_string())),
            Value::Number(n, _) => Ok(Some(n.clone())),
            Value::Null => Ok(None),
            other => Err(SqlError::new("42601", format!("a literal is expected, not {other}"))),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(literal(expr)?.map(|n| format!("-{n}"))),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => literal(expr),
        Expr::Interval(interval) => literal(&interval.value),
        other => Err(SqlError::new("42601", format!("a literal is expected, not {other}"))),
    }
}

impl Session {
    pub(crate) async fn call(&mut self, call: Call) -> Result<Outcome> {
        if call.name == "verify" {
            return self.verify(&call).await;
        }
        if call.name == "maintain" {
            return self.maintain(&call).await;
        }
        let mut value = None;
        match call.name.as_str() {
            "create_stream_table" => self.create_stream_table(&call, false, false).await?,
            "create_stream_table_if_not_exists" => self.create_stream_table(&call, true, false).await?,
            "create_or_replace_stream_table" => self.create_stream_table(&call, false, true).await?,
            "alter_stream_table" => self.alter_stream_table(&call).await?,
            "drop_stream_table" => {
                let def = self.stream_table(&call.object()?)?;
                let cascade = call.args.get("cascade").is_some_and(|c| c == "true");
                let catalog = Arc::clone(&self.view().version.catalog);
                self.drop_objects(&catalog, vec![def.id], cascade).await?;
            }
            "refresh_stream_table" => {
                self.refresh(&call.object()?).await?;
            }
            "pause_stream_table" | "pause" => self.set_paused(&call, true).await?,
            "resume_stream_table" | "resume" => self.set_paused(&call, false).await?,
            "wait_for" => self.wait_for(&call).await?,
            "resync" => self.resync(&call).await?,
            _ => value = Some(env!("CARGO_PKG_VERSION").to_string()),
        }
        let column: ArrayRef = Arc::new(StringViewArray::from_iter_values([value.unwrap_or_default()]));
        let rows = RecordBatch::try_from_iter([(call.name.as_str(), column)])?;
        Ok(Outcome::rows(call.columns(), vec![rows], "SELECT"))
    }

    async fn create_stream_table(&mut self, call: &Call, if_not_exists: bool, or_replace: bool) -> Result<()> {
        if call.args.get("initialize").is_some_and(|i| i == "false") {
            return Err(SqlError::unsupported(
                "initialize => false",
                "Leave it out: the table is filled when it is created.",
            ));
        }
        let schedule = call.args.get("schedule").cloned();
        let mode = call.args.get("refresh_mode").map_or(Ok(Mode::Auto), |m| parse_mode(m))?;
        let view = NewView {
            name: call.object()?,
            query: call.text("query")?,
            columns: vec![],
            schedule,
            mode,
            if_not_exists,
            or_replace,
            sources: vec![],
            zone: None,
        };
        self.create_materialized(view).await?;
        Ok(())
    }

    async fn alter_stream_table(&mut self, call: &Call) -> Result<()> {
        let def = self.stream_table(&call.object()?)?;
        let mut altered = (*def).clone();
        let crate::catalog::Kind::Materialized(m) = &mut altered.kind else {
            return Err(SqlError::internal("not a materialized view"));
        };
        let mode = call.args.get("refresh_mode").map(|m| parse_mode(m)).transpose()?;
        if let Some(schedule) = call.args.get("schedule") {
            m.schedule = Some(schedule.clone());
        }
        check_schedule(m.schedule.as_deref(), mode.unwrap_or(m.mode))?;
        if let Some(status) = call.args.get("status") {
            m.paused = match status.to_uppercase().as_str() {
                "ACTIVE" => false,
                "PAUSED" | "SUSPENDED" => true,
                other => {
                    return Err(
                        SqlError::new("22023", format!("invalid status \"{other}\"")).hint("Use ACTIVE or PAUSED.")
                    );
                }
            };
            refuse_pause(&def, m.mode, m.paused)?;
        }
        let new_query = call.args.get("query").cloned();
        if new_query.is_none() && mode.is_none_or(|mode| mode == m.mode) {
            return self.submit_ddl(vec![DdlOp::redefine(altered)]).await;
        }
        let sources = if new_query.is_none() { m.sources.clone() } else { vec![] };
        let zone = if new_query.is_none() { Some(m.zone) } else { None };
        let view = NewView {
            name: call.object()?,
            query: new_query.unwrap_or_else(|| m.query.clone()),
            sources,
            zone,
            columns: vec![],
            schedule: m.schedule.clone(),
            mode: mode.unwrap_or(m.mode),
            if_not_exists: false,
            or_replace: true,
        };
        self.create_materialized(view).await?;
        Ok(())
    }

    async fn set_paused(&mut self, call: &Call, paused: bool) -> Result<()> {
        let def = self.stream_table(&call.object()?)?;
        let mut altered = (*def).clone();
        if let crate::catalog::Kind::Materialized(m) = &mut altered.kind {
            refuse_pause(&def, m.mode, paused)?;
            m.paused = paused;
        }
        self.submit_ddl(vec![DdlOp::redefine(altered)]).await
    }

    /// Waits until a view holds all that was committed before the call.
    async fn wait_for(&mut self, call: &Call) -> Result<()> {
        let def = self.stream_table(&call.object()?)?;
        let seconds = call.args.get("timeout").map_or(Ok(30.0), |t| {
            t.trim_end_matches('s')
                .trim()
                .parse::<f64>()
                .map_err(|_| SqlError::new("22023", format!("invalid timeout \"{t}\"")).hint("Give seconds."))
        })?;
        let wanted = self.engine.version().snapshot;
        let deadline = tokio::time::Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
        loop {
            let Some(status) = self.engine.status().remove(&def.id) else {
                return Err(SqlError::new("42P01", format!("\"{}\" was dropped meanwhile", def.name)));
            };
            let holds = status.cut.is_none_or(|cut| cut >= wanted);
            if holds && self.engine.version().snapshot >= status.as_of {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(late(&def, &status));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// REFRESH MATERIALIZED VIEW and `refresh_stream_table`: what is held back is brought up to date now.
    pub(crate) async fn refresh(&mut self, name: &ObjectRef) -> Result<Outcome> {
        let def = self.stream_table(name)?;
        let status = self.engine.status().remove(&def.id).unwrap_or_default();
        if status.cut.is_none() && !status.reads_clock {
            self.notice(format!("\"{}\" follows every commit; there was nothing to refresh", def.name), None);
            return Ok(Outcome::done("REFRESH MATERIALIZED VIEW"));
        }
        if self.block.as_ref().is_some_and(|b| !b.implicit || !b.writes.is_empty() || !b.ddl.is_empty()) {
            let message = format!("\"{}\" cannot be refreshed inside a transaction", def.name);
            return Err(
                SqlError::new("25001", message).hint("It is held back: refresh it before BEGIN or after COMMIT.")
            );
        }
        let (reply, answer) = oneshot::channel();
        let refresh = Refresh { view: def.id, reply };
        self.engine.requests().send(Request::Refresh(refresh)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())??;
        Ok(Outcome::done("REFRESH MATERIALIZED VIEW"))
    }

    /// `sluice.resync('t')`: takes a table as another program left it.
    async fn resync(&self, call: &Call) -> Result<()> {
        let id = self.view().version.catalog.get(&call.object()?, &self.settings.search_path())?.id;
        let (reply, answer) = tokio::sync::oneshot::channel();
        let asked = self.engine.requests().send(crate::tick::Request::Resync(id, reply));
        asked.map_err(|_| crate::tick::stopped())?;
        answer.await.map_err(|_| crate::tick::stopped())?
    }

    fn stream_table(&self, name: &ObjectRef) -> Result<Arc<TableDef>> {
        let view = self.view();
        let def = view.version.catalog.get(name, &self.settings.search_path())?;
        if def.materialized().is_none() {
            return Err(SqlError::new("42809", format!("\"{}\" is not a materialized view", def.name)));
        }
        Ok(Arc::clone(def))
    }
}

/// An IMMEDIATE view is never held back, by anything.
fn refuse_pause(def: &TableDef, mode: Mode, paused: bool) -> Result<()> {
    if paused && mode == Mode::Immediate {
        return Err(SqlError::new("55000", format!("\"{}\" is IMMEDIATE and cannot be paused", def.name))
            .hint("Alter its refresh_mode to AUTO first."));
    }
    Ok(())
}

/// Why a view does not hold yet what a client waited for.
fn late(def: &TableDef, status: &ViewStatus) -> SqlError {
    let (why, hint) = match (&status.error, &status.held) {
        (Some(error), _) => (error.as_str(), "Mend the row, and it follows by itself."),
        (None, Some(held)) => (held.as_str(), "REFRESH MATERIALIZED VIEW brings it up to date now."),
        (None, None) => ("it is behind", "Wait longer."),
    };
    SqlError::new("57014", format!("\"{}\" is held back: {why}", def.name)).hint(hint)
}
