//! Files of this machine as rows: `read_csv` and `read_parquet` in FROM. They are read as a stream, file after file.

mod csv;
mod parquet;
mod scan;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, TableSource};
use sluice_sql::{Result, SqlError};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows are read this many at a time.
const BATCH: usize = 8_192;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

/// Files with the same columns.
#[derive(Debug, Clone)]
struct Files {
    format: Format,
    paths: Vec<PathBuf>,
    schema: SchemaRef,
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Whether it is a function over files.
pub(crate) fn is_function(name: &str) -> bool {
    format(name).is_some()
}

fn format(name: &str) -> Option<Format> {
    match name {
        "read_csv" => Some(Format::Csv),
        "read_parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// The rows of the files that the function names; `None` for another function.
pub(crate) fn table(name: &str, args: &[Expr]) -> Result<Option<Arc<dyn TableSource>>> {
    let Some(format) = format(name) else { return Ok(None) };
    let [Expr::Literal(ScalarValue::Utf8(Some(path)) | ScalarValue::Utf8View(Some(path)), _)] = args else {
        return Err(SqlError::new("42883", format!("{name} takes one argument, the path of a file"))
            .hint(format!("Write FROM {name}('/folder/file'); * and ? stand for parts of names.")));
    };
    let paths = matching(path)?;
    let schema = match format {
        Format::Csv => csv::schema(&paths)?,
        Format::Parquet => parquet::schema(&paths)?,
    };
    let files = Files { format, paths, schema };
    Ok(Some(provider_as_source(Arc::new(files))))
}

/// The files that a path means, in the order of their names.
fn matching(path: &str) -> Result<Vec<PathBuf>> {
    if !path.contains(['*', '?', '[']) || Path::new(path).exists() {
        return Ok(vec![PathBuf::from(path)]);
    }
    let bad = |e: glob::PatternError| SqlError::new("22023", format!("\"{path}\" is no pattern of file names: {e}"));
    let mut paths = vec![];
    for found in glob::glob(path).map_err(bad)? {
        paths.push(found.map_err(|e| unreadable(e.path(), e.error()))?);
    }
    paths.retain(|p| p.is_file());
    if paths.is_empty() {
        return Err(SqlError::new("58P01", format!("no file matches \"{path}\"")).hint(RELATIVE));
    }
    Ok(paths)
}

const RELATIVE: &str = "Paths are those of the server's machine; give the whole path.";

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let is_folder = file.metadata().map_err(|e| unreadable(path, &e))?.is_dir();
    if is_folder {
        return Err(SqlError::new("42809", format!("\"{}\" is a folder", path.display()))
            .hint(format!("Write '{}/*' for the files in it.", path.display())));
    }
    Ok(file)
}

fn unreadable(path: &Path, error: &std::io::Error) -> SqlError {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => "58P01",
        std::io::ErrorKind::PermissionDenied => "42501",
        _ => "58030",
    };
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
    SqlError::new(code, format!("could not open file \"{}\" for reading: {reason}", path.display())).hint(RELATIVE)
}

/// An error for contents that are not what the file's name or its first rows promise.
fn bad_file(path: &Path, why: impl std::fmt::Display) -> SqlError {
    SqlError::new("22P04", format!("file \"{}\" cannot be read: {why}", path.display()))
}

impl Files {
    /// The columns of `projection`, file after file.
    fn rows(&self, projection: &[usize]) -> Batches {
        let (files, projection) = (self.clone(), projection.to_vec());
        let opened = self.paths.clone().into_iter().map(move |path| match files.format {
            Format::Csv => csv::rows(&path, &files.schema, &projection),
            Format::Parquet => parquet::rows(&path, &files.schema, &projection),
        });
        Box::new(opened.flat_map(|rows| rows.unwrap_or_else(|e| Box::new(std::iter::once(Err(e))))))
    }
}
