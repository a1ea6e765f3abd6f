use super::cell::{Cell, column};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use sluice_sql::{Result, SqlError, SqlType};
use std::sync::Arc;

/// What a row says; the other columns have their defaults.
pub(super) type Row = Vec<(&'static str, Cell)>;

/// A relation with the columns of `spec`.
pub(super) fn relation(spec: &str, rows: &[Row]) -> Result<RecordBatch> {
    let (mut fields, mut columns) = (vec![], vec![]);
    for part in spec.split(',') {
        let (name, rest) =
            part.trim_start().split_once(' ').ok_or_else(|| SqlError::internal("a column has no type"))?;
        let (ty, default) = rest.split_once('=').map_or((rest.trim_end(), None), |(t, d)| (t, Some(d)));
        let ty = column_type(ty)?;
        let default = default.map_or(Cell::Null, |d| default_cell(&ty, d));
        let cells: Vec<Cell> = rows
            .iter()
            .map(|row| row.iter().find(|(n, _)| *n == name).map_or_else(|| default.clone(), |(_, c)| c.clone()))
            .collect();
        columns.push(column(&ty, &cells)?);
        fields.push(ty.field(name));
    }
    Ok(sluice_zset::with_row_count(Arc::new(Schema::new(fields)), columns, rows.len())?)
}

fn default_cell(ty: &SqlType, text: &str) -> Cell {
    match (ty, text) {
        (SqlType::Bool, t) => Cell::Bool(t == "t"),
        (SqlType::Char, "comma") => ",".into(),
        (_, t) => t.into(),
    }
}

fn column_type(name: &str) -> Result<SqlType> {
    if let Some(element) = name.strip_suffix("[]") {
        return Ok(SqlType::Array(Box::new(column_type(element)?)));
    }
    Ok(match name {
        "oid" => SqlType::Oid,
        "name" => SqlType::Name,
        "char" => SqlType::Char,
        "text" => SqlType::Text,
        "bool" => SqlType::Bool,
        "int2" => SqlType::Int2,
        "int4" => SqlType::Int4,
        "int8" => SqlType::Int8,
        "float4" => SqlType::Float4,
        "int2vector" => SqlType::Int2Vector,
        "interval" => SqlType::Interval,
        "timestamptz" => SqlType::TimestampTz,
        other => return Err(SqlError::internal(format!("the catalog has no type {other}"))),
    })
}
