use super::columns::{BadField, Waiting};
use super::read::Rows;
use super::{CopyFormat, CopyKind};
use crate::catalog::ObjectRef;
use crate::read::Staged;
use crate::session::{Outcome, OutputColumn, Session};
use crate::write::{Target, WriteSet, check_rows};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use datafusion::common::ScalarValue;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{CopyOption, CopySource, CopyTarget, Ident, ObjectName, Statement as Ast};
use std::sync::Arc;

/// Rows are converted this many at a time.
const CHUNK: usize = 16_384;

/// A COPY FROM STDIN in progress.
pub struct CopyIn {
    /// How the data is written.
    pub format: CopyFormat,
    /// The columns that the data fills.
    pub columns: Vec<OutputColumn>,
    target: Target,
    positions: Vec<usize>,
    rows: Box<Rows>,
    waiting: Waiting,
    /// How many rows wait, and the line of the first.
    count: usize,
    first_line: u64,
    converted: Vec<RecordBatch>,
}

impl CopyIn {
    /// Takes a piece of text or CSV, of any size.
    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        let (waiting, count) = (&mut self.waiting, &mut self.count);
        self.rows.feed(bytes, |row| {
            *count += 1;
            waiting.push_text(row);
        })?;
        if self.count >= CHUNK { self.convert() } else { Ok(()) }
    }

    /// Takes a row of the binary format, one value for each of the columns.
    pub fn row(&mut self, values: Vec<ScalarValue>) -> Result<()> {
        self.waiting.push_values(values);
        self.count += 1;
        if self.count >= CHUNK { self.convert() } else { Ok(()) }
    }

    /// An error in the row that comes next, with its place.
    pub fn misread(&self, column: Option<usize>, error: SqlError) -> SqlError {
        self.located(self.first_line + self.count as u64, column, error)
    }

    fn located(&self, line: u64, column: Option<usize>, error: SqlError) -> SqlError {
        let column = column.map_or(String::new(), |at| format!(", column {}", self.columns[at].name));
        let place = format!("COPY {}, line {line}{column}", self.target.def.name);
        let hint = match &error.hint {
            Some(hint) => format!("{hint} Nothing was loaded."),
            None => "Nothing was loaded.".into(),
        };
        error.detail(place).hint(hint)
    }

    /// Turns waiting fields into columns of their types; an error names line and column.
    fn convert(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let defs: Vec<_> = self.positions.iter().map(|&p| &self.target.def.columns[p]).collect();
        let columns = self.waiting.take(&defs, self.target.zone).map_err(|BadField { row, column, error }| {
            let last = self.first_line + self.count as u64 - 1;
            self.located(row.map_or(last, |row| self.first_line + row as u64), Some(column), error)
        })?;
        let fields = self.positions.iter().map(|&p| self.target.schema.field(p).clone()).collect::<Vec<_>>();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        self.converted.push(sluice_zset::with_row_count(schema, columns, self.count)?);
        self.first_line += self.count as u64;
        self.count = 0;
        Ok(())
    }
}

impl Session {
    pub(crate) async fn copy(&mut self, ast: &Ast) -> Result<Outcome> {
        let Ast::Copy { source, to, target, options, legacy_options, values } = ast else {
            return Err(SqlError::internal("not COPY"));
        };
        let of_client = matches!(target, CopyTarget::Stdin | CopyTarget::Stdout);
        if of_client && !legacy_options.is_empty() || !values.is_empty() {
            return Err(SqlError::unsupported(
                "this form of COPY options",
                "Write COPY t FROM STDIN WITH (FORMAT csv, HEADER).",
            ));
        }
        let format = format(options)?;
        match (to, target, source) {
            (false, CopyTarget::Stdin, CopySource::Table { table_name, columns }) => {
                self.copy_in(table_name, columns, format)
            }
            (true, CopyTarget::Stdout, source) => self.copy_out(source, format).await,
            _ => Err(SqlError::unsupported(
                "COPY with a file or program on the server",
                "Use \\copy in psql, or COPY ... FROM STDIN.",
            )),
        }
    }

    fn copy_in(&mut self, table: &ObjectName, columns: &[Ident], format: CopyFormat) -> Result<Outcome> {
        self.refuse_if_read_only("COPY FROM")?;
        let view = self.view();
        let def = view.version.catalog.get(&ObjectRef::parse(table)?, &self.settings.search_path())?;
        let target = Target::new(Arc::clone(def))?.in_zone(view.zone);
        let positions: Vec<usize> = match columns {
            [] => (0..def.columns.len()).collect(),
            named => named
                .iter()
                .map(|c| {
                    let name = fold(c);
                    let message = format!("column \"{name}\" of relation \"{}\" does not exist", def.name);
                    def.position(&name).ok_or_else(|| SqlError::new("42703", message))
                })
                .collect::<Result<_>>()?,
        };
        let columns = positions
            .iter()
            .map(|&p| OutputColumn { name: def.columns[p].name.clone(), ty: def.columns[p].ty.clone() });
        let first_line = 1 + u64::from(format.header);
        Ok(Outcome::CopyIn(CopyIn {
            columns: columns.collect(),
            rows: Box::new(Rows::new(format.clone(), positions.len(), def.name.clone())),
            waiting: match format.kind {
                CopyKind::Binary => Waiting::values(positions.len()),
                CopyKind::Text | CopyKind::Csv => Waiting::text(positions.len()),
            },
            format,
            target,
            positions,
            count: 0,
            first_line,
            converted: vec![],
        }))
    }

    async fn copy_out(&mut self, source: &CopySource, format: CopyFormat) -> Result<Outcome> {
        let query = match source {
            CopySource::Query(query) => query.to_string(),
            CopySource::Table { table_name, columns } if columns.is_empty() => format!("SELECT * FROM {table_name}"),
            CopySource::Table { table_name, columns } => {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                format!("SELECT {} FROM {table_name}", columns.join(", "))
            }
        };
        match self.query(&crate::statement::parse_query(&query)?, &[]).await? {
            Outcome::Rows { columns, batches, .. } => Ok(Outcome::CopyOut { format, columns, batches }),
            _ => Err(SqlError::internal("a query without rows")),
        }
    }

    /// Stores what a COPY FROM STDIN brought, as one statement. Returns the command tag.
    pub async fn copy_finish(&mut self, mut copy: CopyIn) -> Result<String> {
        let result = self.store_copy(&mut copy).await;
        if result.is_err() {
            self.copy_abort(copy);
        }
        result
    }

    async fn store_copy(&mut self, copy: &mut CopyIn) -> Result<String> {
        let (waiting, count) = (&mut copy.waiting, &mut copy.count);
        copy.rows.finish(|row| {
            *count += 1;
            waiting.push_text(row);
        })?;
        copy.convert()?;
        let Some(first) = copy.converted.first() else { return Ok("COPY 0".into()) };
        let given = concat_batches(&first.schema(), &copy.converted)?;
        let rows = self.complete(copy, &given).await?;
        let view = self.view();
        check_rows(self.engine.context(), &view, &copy.target, &rows).await?;
        let ids: Int64Array = self.engine.context().provisional_ids(rows.num_rows());
        let mut staged = Staged::new(Arc::clone(&copy.target.schema));
        let count = rows.num_rows();
        staged.add(rows, ids);
        let mut writes = WriteSet::default();
        writes.tables.insert(copy.target.def.id, staged);
        match &mut self.block {
            Some(block) => block.writes.merge(&writes)?,
            None => {
                self.submit(view.version.snapshot, writes).await?;
            }
        }
        Ok(format!("COPY {count}"))
    }

    /// Adds defaults for the columns that the data does not fill.
    async fn complete(&self, copy: &CopyIn, given: &RecordBatch) -> Result<RecordBatch> {
        let context = self.engine.context();
        let rows = given.num_rows();
        let view = self.view();
        let mut columns = vec![];
        for (position, def) in copy.target.def.columns.iter().enumerate() {
            let at = copy.positions.iter().position(|&p| p == position);
            columns.push(match (at, def.sequence, &def.default) {
                (Some(at), _, _) => Arc::clone(given.column(at)),
                (None, Some(sequence), _) => Arc::new(context.sequences.take(sequence, rows)?) as ArrayRef,
                (None, None, Some(default)) => {
                    let none = sluice_zset::with_row_count(Arc::new(arrow::datatypes::Schema::empty()), vec![], rows)?;
                    crate::write::evaluate(context, &view, &copy.target, &none, default).await?
                }
                (None, None, None) => new_null_array(&def.ty.arrow(), rows),
            });
        }
        copy.target.assign(columns, rows)
    }

    /// Forgets what a COPY FROM STDIN brought.
    pub fn copy_abort(&mut self, copy: CopyIn) {
        drop(copy);
        self.fail_block();
    }
}

fn format(options: &[CopyOption]) -> Result<CopyFormat> {
    let mut kind = CopyKind::Text;
    let mut seen = vec![];
    for option in options {
        let name = std::mem::discriminant(option);
        if seen.contains(&name) {
            return Err(SqlError::new("42601", "conflicting or redundant options"));
        }
        seen.push(name);
    }
    for option in options {
        if let CopyOption::Format(name) = option {
            kind = match fold(name).as_str() {
                "text" => CopyKind::Text,
                "csv" => CopyKind::Csv,
                "binary" => CopyKind::Binary,
                other => return Err(SqlError::new("22023", format!("COPY format \"{other}\" not recognized"))),
            };
        }
    }
    let csv = kind == CopyKind::Csv;
    let mut format = CopyFormat {
        kind,
        header: false,
        null: if csv { String::new() } else { "\\N".into() },
        delimiter: if csv { b',' } else { b'\t' },
        quote: b'"',
        escape: b'"',
    };
    let byte = |c: &char| {
        u8::try_from(*c).map_err(|_| SqlError::new("0A000", "COPY delimiter must be a single one-byte character"))
    };
    let mut escape = None;
    for option in options {
        refuse_outside(kind, option)?;
        match option {
            CopyOption::Format(_) => {}
            CopyOption::Header(header) => format.header = *header,
            CopyOption::Null(null) => format.null = null.clone(),
            CopyOption::Delimiter(c) => format.delimiter = byte(c)?,
            CopyOption::Quote(c) => format.quote = byte(c)?,
            CopyOption::Escape(c) => escape = Some(byte(c)?),
            CopyOption::Encoding(name) if name.replace('-', "").eq_ignore_ascii_case("utf8") => {}
            other => return Err(crate::statement::refused_copy_option(&other.to_string())),
        }
    }
    format.escape = escape.unwrap_or(format.quote);
    Ok(format)
}

/// Refuses options that the shape of the data has no place for.
fn refuse_outside(kind: CopyKind, option: &CopyOption) -> Result<()> {
    match (kind, option) {
        (CopyKind::Binary, CopyOption::Delimiter(_)) => {
            Err(SqlError::new("42601", "cannot specify DELIMITER in BINARY mode"))
        }
        (CopyKind::Binary, CopyOption::Null(_)) => Err(SqlError::new("42601", "cannot specify NULL in BINARY mode")),
        (CopyKind::Binary, CopyOption::Header(true)) => {
            Err(SqlError::new("0A000", "cannot specify HEADER in BINARY mode"))
        }
        (CopyKind::Binary | CopyKind::Text, CopyOption::Quote(_)) => {
            Err(SqlError::new("0A000", "COPY quote available only in CSV mode"))
        }
        (CopyKind::Binary | CopyKind::Text, CopyOption::Escape(_)) => {
            Err(SqlError::new("0A000", "COPY escape available only in CSV mode"))
        }
        _ => Ok(()),
    }
}
