//! Results as aligned text or as JSON, one object a row.

use crate::error::{CliError, Result};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// How a command prints.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: one JSON value
    Json,
}

/// Prints. Who reads may leave when it has enough, as `head` does: that ends the command.
pub(crate) fn print(text: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(|e| match e.kind() {
        ErrorKind::BrokenPipe => CliError::unread(),
        _ => e.into(),
    })
}

/// Rows of text with the names of their columns.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// One table a statement that gave rows.
    pub(crate) fn collect(messages: Vec<SimpleQueryMessage>) -> Vec<Table> {
        let mut tables = vec![];
        let mut open: Option<Table> = None;
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    let columns = columns.iter().map(|c| c.name().to_string()).collect();
                    open = Some(Table { columns, rows: vec![] });
                }
                SimpleQueryMessage::Row(row) => {
                    if let Some(table) = &mut open {
                        table.rows.push(cells(&row));
                    }
                }
                _ => tables.extend(open.take()),
            }
        }
        tables
    }

    pub(crate) fn print(&self, format: Format) -> Result<()> {
        match format {
            Format::Text => print(self.text()),
            Format::Json => print(format_args!("{}\n", self.json())),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let row = |row: &Vec<Option<String>>| {
            let cells =
                self.columns.iter().cloned().zip(row.iter().map(|c| c.clone().map_or(Value::Null, Value::String)));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(row).collect())
    }

    fn text(&self) -> String {
        let shown = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let width = |c: usize| {
            let cells = self.rows.iter().map(|r| shown(&r[c]).chars().count());
            cells.chain([self.columns[c].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: Vec<String>| {
            let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!(" {c:<w$} ")).collect();
            format!("{}\n", padded.join("|").trim_end())
        };
        let mut text = line(self.columns.clone());
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(w + 2)).collect();
        text.push_str(&format!("{}\n", rule.join("+")));
        self.rows.iter().for_each(|r| text.push_str(&line(r.iter().map(shown).collect())));
        let n = self.rows.len();
        text.push_str(&format!("({n} row{})\n\n", if n == 1 { "" } else { "s" }));
        text
    }
}

fn cells(row: &SimpleQueryRow) -> Vec<Option<String>> {
    (0..row.len()).map(|i| row.get(i).map(str::to_string)).collect()
}
