//! The one table of types: PostgreSQL's name and number, and the Arrow type that carries it.

use crate::{Result, SqlError};
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};
use sqlparser::ast::{self, ExactNumberInfo, TimezoneInfo};
use std::collections::HashMap;
use std::sync::Arc;

/// Field metadata that tells types apart which share an Arrow type.
const TYPE_KEY: &str = "sluice:type";

/// The zone that every timestamptz is stored in.
pub const UTC: &str = "UTC";

/// `numeric` without precision.
pub(crate) const DEFAULT_NUMERIC: (u8, i8) = (38, 10);

/// A type as SQL names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SqlType {
    /// boolean
    Bool,
    /// smallint
    Int2,
    /// integer
    Int4,
    /// bigint
    Int8,
    /// real
    Float4,
    /// double precision
    Float8,
    /// numeric, with precision and scale
    Numeric(Option<(u8, i8)>),
    /// text
    Text,
    /// varchar, with the greatest length in characters
    Varchar(Option<u32>),
    /// date
    Date,
    /// timestamp without time zone, in microseconds
    Timestamp,
    /// timestamp with time zone, in microseconds UTC
    TimestampTz,
    /// uuid
    Uuid,
    /// bytea
    Bytea,
    /// json
    Json,
    /// jsonb
    Jsonb,
    /// interval; in expressions only
    Interval,
    /// an array; in expressions only
    Array(Box<SqlType>),
    /// oid; in the catalog only
    Oid,
    /// name; in the catalog only
    Name,
    /// "char"; in the catalog only
    Char,
    /// regclass; in the catalog only
    Regclass,
    /// int2vector, as text with blanks; in the catalog only
    Int2Vector,
    /// the result of a function without one
    Void,
    /// a literal whose type is still open
    Unknown,
    /// a row
    Record,
}

impl SqlType {
    /// The Arrow type of its columns.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 | Self::Oid => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Numeric(size) => {
                let (precision, scale) = size.unwrap_or(DEFAULT_NUMERIC);
                DataType::Decimal128(precision, scale)
            }
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Bytea => DataType::BinaryView,
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Array(element) => DataType::List(Arc::new(Field::new_list_field(element.arrow(), true))),
            Self::Unknown => DataType::Null,
            Self::Text
            | Self::Varchar(_)
            | Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Name
            | Self::Char
            | Self::Regclass
            | Self::Int2Vector
            | Self::Void
            | Self::Record => DataType::Utf8View,
        }
    }

    /// A nullable column of this type.
    pub fn field(&self, name: &str) -> Field {
        let field = Field::new(name, self.arrow(), true);
        match self.tag() {
            Some(tag) => field.with_metadata(HashMap::from([(TYPE_KEY.to_string(), tag)])),
            None => field,
        }
    }

    fn tag(&self) -> Option<String> {
        match self {
            Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Oid
            | Self::Name
            | Self::Char
            | Self::Regclass
            | Self::Int2Vector
            | Self::Void => Some(self.name()),
            Self::Varchar(Some(n)) => Some(format!("varchar({n})")),
            Self::Varchar(None) => Some("varchar".into()),
            Self::Array(element) => Some(format!("{}[]", element.tag()?)),
            _ => None,
        }
    }

    /// The type of a column, from its Arrow type and what its metadata adds.
    pub fn of_field(field: &Field) -> Self {
        let tag = field.metadata().get(TYPE_KEY).map(String::as_str);
        if let Some(element) = tag.and_then(|tag| tag.strip_suffix("[]")) {
            let metadata = HashMap::from([(TYPE_KEY.to_string(), element.to_string())]);
            return Self::Array(Box::new(Self::of_field(
                &Field::new("", DataType::Utf8View, true).with_metadata(metadata),
            )));
        }
        match tag {
            Some("uuid") => Self::Uuid,
            Some("json") => Self::Json,
            Some("jsonb") => Self::Jsonb,
            Some("oid") => Self::Oid,
            Some("name") => Self::Name,
            Some("\"char\"") => Self::Char,
            Some("regclass") => Self::Regclass,
            Some("int2vector") => Self::Int2Vector,
            Some("void") => Self::Void,
            Some("varchar") => Self::Varchar(None),
            Some(tag) => match tag.strip_prefix("varchar(").and_then(|t| t.strip_suffix(')')) {
                Some(n) => Self::Varchar(n.parse().ok()),
                None => Self::of_arrow(field.data_type()),
            },
            None => Self::of_arrow(field.data_type()),
        }
    }

    /// The plainest type that an Arrow type carries.
    pub fn of_arrow(ty: &DataType) -> Self {
        match ty {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::Int8,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => Self::Numeric(Some((*p, *s))),
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
                Self::Bytea
            }
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
                // An array of arrays is one of two dimensions, of the same type.
                match Self::of_field(f) {
                    Self::Array(element) => Self::Array(element),
                    element => Self::Array(Box::new(element)),
                }
            }
            DataType::Null => Self::Unknown,
            DataType::Struct(_) => Self::Record,
            _ => Self::Text,
        }
    }

    /// Whether values of an Arrow type may be stored in such a column. Text may be a literal, which has no type.
    pub fn takes(&self, from: &DataType) -> bool {
        let is_text = |ty: &DataType| matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
        let is_time = |ty: &DataType| matches!(ty, DataType::Date32 | DataType::Timestamp(..));
        let to = self.arrow();
        if is_text(&to) {
            let any = !matches!(self, Self::Uuid | Self::Json | Self::Jsonb);
            return any || is_text(from) || from.is_null();
        }
        is_text(from)
            || from.is_null()
            || (to.is_numeric() && from.is_numeric())
            || (is_time(&to) && is_time(from))
            || Self::of_arrow(&to) == Self::of_arrow(from)
    }

    /// Whether a value of the type `from` becomes one of this type by itself where it is stored.
    pub fn is_assigned_from(&self, from: &Self) -> bool {
        let kind = |ty: &Self| match ty {
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Float4 | Self::Float8 | Self::Numeric(_) => Some("number"),
            Self::Date | Self::Timestamp | Self::TimestampTz => Some("time"),
            Self::Json | Self::Jsonb => Some("json"),
            _ => None,
        };
        let same_kind = kind(self).is_some() && kind(self) == kind(from);
        self == from || same_kind || *from == Self::Unknown || matches!(self, Self::Text | Self::Varchar(_))
    }

    /// The type's name in error messages and `\d`.
    pub fn name(&self) -> String {
        match self {
            Self::Bool => "boolean".into(),
            Self::Int2 => "smallint".into(),
            Self::Int4 => "integer".into(),
            Self::Int8 => "bigint".into(),
            Self::Float4 => "real".into(),
            Self::Float8 => "double precision".into(),
            Self::Numeric(None) => "numeric".into(),
            Self::Numeric(Some((p, s))) => format!("numeric({p},{s})"),
            Self::Text => "text".into(),
            Self::Varchar(None) => "character varying".into(),
            Self::Varchar(Some(n)) => format!("character varying({n})"),
            Self::Date => "date".into(),
            Self::Timestamp => "timestamp without time zone".into(),
            Self::TimestampTz => "timestamp with time zone".into(),
            Self::Uuid => "uuid".into(),
            Self::Bytea => "bytea".into(),
            Self::Json => "json".into(),
            Self::Jsonb => "jsonb".into(),
            Self::Interval => "interval".into(),
            Self::Array(element) => format!("{}[]", element.name()),
            Self::Oid => "oid".into(),
            Self::Name => "name".into(),
            Self::Char => "\"char\"".into(),
            Self::Regclass => "regclass".into(),
            Self::Int2Vector => "int2vector".into(),
            Self::Void => "void".into(),
            Self::Unknown => "unknown".into(),
            Self::Record => "record".into(),
        }
    }

    /// The number by which drivers know it.
    pub fn oid(&self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Bytea => 17,
            Self::Char => 18,
            Self::Name => 19,
            Self::Int8 => 20,
            Self::Int2 => 21,
            Self::Int2Vector => 22,
            Self::Int4 => 23,
            Self::Text => 25,
            Self::Oid => 26,
            Self::Json => 114,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Unknown => 705,
            Self::Varchar(_) => 1043,
            Self::Date => 1082,
            Self::Timestamp => 1114,
            Self::TimestampTz => 1184,
            Self::Interval => 1186,
            Self::Numeric(_) => 1700,
            Self::Regclass => 2205,
            Self::Record => 2249,
            Self::Void => 2278,
            Self::Uuid => 2950,
            Self::Jsonb => 3802,
            Self::Array(element) => match element.as_ref() {
                Self::Bool => 1000,
                Self::Bytea => 1001,
                Self::Char => 1002,
                Self::Name => 1003,
                Self::Int2 => 1005,
                Self::Int4 => 1007,
                Self::Varchar(_) => 1015,
                Self::Int8 => 1016,
                Self::Float4 => 1021,
                Self::Float8 => 1022,
                Self::Oid => 1028,
                Self::Timestamp => 1115,
                Self::Date => 1182,
                Self::TimestampTz => 1185,
                Self::Interval => 1187,
                Self::Numeric(_) => 1231,
                Self::Uuid => 2951,
                Self::Json => 199,
                Self::Jsonb => 3807,
                _ => 1009,
            },
        }
    }

    /// The type with that number.
    pub fn from_oid(oid: u32) -> Option<Self> {
        let plain = [
            Self::Bool,
            Self::Bytea,
            Self::Char,
            Self::Name,
            Self::Int8,
            Self::Int2,
            Self::Int4,
            Self::Text,
            Self::Oid,
            Self::Json,
            Self::Float4,
            Self::Float8,
            Self::Unknown,
            Self::Varchar(None),
            Self::Date,
            Self::Timestamp,
            Self::TimestampTz,
            Self::Interval,
            Self::Numeric(None),
            Self::Regclass,
            Self::Uuid,
            Self::Jsonb,
        ];
        let arrays = plain.clone().map(|t| Self::Array(Box::new(t)));
        plain.into_iter().chain(arrays).find(|t| t.oid() == oid)
    }

    /// Its size in bytes; -1 where it varies.
    pub fn typlen(&self) -> i16 {
        match self {
            Self::Bool | Self::Char => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Date | Self::Oid | Self::Regclass | Self::Void => 4,
            Self::Int8 | Self::Float8 | Self::Timestamp | Self::TimestampTz => 8,
            Self::Uuid | Self::Interval => 16,
            Self::Name => 64,
            Self::Unknown => -2,
            _ => -1,
        }
    }

    /// PostgreSQL's encoding of a length, or of precision and scale; -1 where there is none.
    pub fn typmod(&self) -> i32 {
        match self {
            Self::Varchar(Some(n)) => *n as i32 + 4,
            Self::Numeric(Some((p, s))) => ((i32::from(*p) << 16) | (i32::from(*s) & 0x7ff)) + 4,
            _ => -1,
        }
    }

    /// Whether it can be a column of a stored table.
    pub fn can_be_stored(&self) -> bool {
        !matches!(
            self,
            Self::Interval
                | Self::Array(_)
                | Self::Oid
                | Self::Name
                | Self::Char
                | Self::Regclass
                | Self::Int2Vector
                | Self::Void
                | Self::Unknown
                | Self::Record
        )
    }

    /// The type that a type name in SQL means.
    pub fn parse(ty: &ast::DataType) -> Result<Self> {
        use ast::DataType as T;
        Ok(match ty {
            T::Bool | T::Boolean => Self::Bool,
            T::SmallInt(None) | T::Int2(None) => Self::Int2,
            T::Int(None) | T::Integer(None) | T::Int4(None) => Self::Int4,
            T::BigInt(None) | T::Int8(None) => Self::Int8,
            T::Real | T::Float4 => Self::Float4,
            T::Double(ExactNumberInfo::None) | T::DoublePrecision | T::Float8 | T::Float(ExactNumberInfo::None) => {
                Self::Float8
            }
            T::Float(ExactNumberInfo::Precision(p)) => {
                if *p <= 24 {
                    Self::Float4
                } else {
                    Self::Float8
                }
            }
            T::Numeric(info) | T::Decimal(info) | T::Dec(info) => Self::Numeric(numeric_size(info)?),
            T::Text | T::String(None) => Self::Text,
            T::Varchar(length) | T::CharacterVarying(length) | T::CharVarying(length) => {
                Self::Varchar(char_length(length)?)
            }
            T::Date => Self::Date,
            T::Timestamp(precision, zone) => {
                microseconds(*precision)?;
                match zone {
                    TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => Self::Timestamp,
                    TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => Self::TimestampTz,
                }
            }
            T::Uuid => Self::Uuid,
            T::Bytea => Self::Bytea,
            T::JSON => Self::Json,
            T::JSONB => Self::Jsonb,
            T::Interval { fields: None, precision: None } => Self::Interval,
            T::Regclass => Self::Regclass,
            T::Array(
                ast::ArrayElemTypeDef::SquareBracket(element, _) | ast::ArrayElemTypeDef::AngleBracket(element),
            ) => Self::Array(Box::new(Self::parse(element)?)),
            T::Custom(name, modifiers) if modifiers.is_empty() => Self::by_name(&name.to_string())?,
            other => return Err(unknown_type(&other.to_string())),
        })
    }

    fn by_name(name: &str) -> Result<Self> {
        let plain = name.to_lowercase();
        Ok(match plain.strip_prefix("pg_catalog.").unwrap_or(&plain) {
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "oid" => Self::Oid,
            "name" => Self::Name,
            "\"char\"" => Self::Char,
            "text" => Self::Text,
            "regclass" => Self::Regclass,
            "timestamptz" => Self::TimestampTz,
            "uuid" => Self::Uuid,
            "jsonb" => Self::Jsonb,
            "json" => Self::Json,
            _ => return Err(unknown_type(name)),
        })
    }
}

fn unknown_type(name: &str) -> SqlError {
    SqlError::new("42704", format!("type \"{}\" does not exist", name.to_lowercase())).hint(
        "Types here: smallint, integer, bigint, numeric(p,s), real, double precision, text, varchar(n), boolean, date, \
         timestamp, timestamptz, uuid, bytea, json, jsonb.",
    )
}

fn numeric_size(info: &ExactNumberInfo) -> Result<Option<(u8, i8)>> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(None),
        ExactNumberInfo::Precision(p) => (*p, 0),
        ExactNumberInfo::PrecisionAndScale(p, s) => (*p, *s),
    };
    if precision == 0 || precision > 1000 {
        return Err(SqlError::new("22023", format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if precision > 38 {
        return Err(SqlError::unsupported(format!("numeric({precision},{scale})"), "Use a precision of at most 38."));
    }
    if scale < 0 || scale > precision as i64 {
        return Err(SqlError::unsupported(format!("numeric scale {scale}"), "Use a scale from 0 to the precision."));
    }
    Ok(Some((precision as u8, scale as i8)))
}

fn char_length(length: &Option<ast::CharacterLength>) -> Result<Option<u32>> {
    match length {
        None => Ok(None),
        Some(ast::CharacterLength::IntegerLength { length, unit: None }) if (1..=10_485_760).contains(length) => {
            Ok(Some(*length as u32))
        }
        Some(other) => Err(SqlError::new("22023", format!("invalid length {other} for type varchar"))),
    }
}

fn microseconds(precision: Option<u64>) -> Result<()> {
    match precision {
        None | Some(6) => Ok(()),
        Some(p) => Err(SqlError::unsupported(format!("timestamp({p})"), "Use timestamp: it keeps microseconds.")),
    }
}

/// Plans SQL type names as [`SqlType`] means them.
#[derive(Debug)]
pub(crate) struct TypePlanner;

impl datafusion::logical_expr::planner::TypePlanner for TypePlanner {
    fn plan_type_field(&self, ty: &ast::DataType) -> datafusion::error::Result<Option<FieldRef>> {
        let ty = SqlType::parse(ty).map_err(crate::error::external)?;
        Ok(Some(Arc::new(ty.field(""))))
    }
}
