//! Functions that make json of values of any type.

use super::form::{normal, quoted};
use super::values::{in_brackets, texts};
use crate::error::external;
use crate::{Result, SqlError, SqlType};
use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    /// One value, NULL for NULL.
    Value,
    /// One value, `null` for NULL; a part of what `json_agg` gives.
    Element,
    /// A key and a value; a part of what `json_object_agg` gives.
    Member,
    /// Elements joined by commas, as an array; NULL for NULL.
    Elements,
    /// Members joined by commas, as an object; NULL for NULL.
    Members,
    Array,
    Object,
}

/// A function that makes json or jsonb.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Build {
    what: What,
    /// The types of the arguments. Said when a query is planned, for later only that json is text is known.
    types: Vec<SqlType>,
    gives: SqlType,
    name: &'static str,
    signature: Signature,
}

/// What the aggregates are spelled with.
pub(crate) const ELEMENT: &str = "json_element";
pub(crate) const MEMBER: &str = "json_member";

impl Build {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use SqlType::{Json, Jsonb, Text};
        let all = [
            ("to_json", What::Value, Json),
            ("to_jsonb", What::Value, Jsonb),
            ("json_build_array", What::Array, Json),
            ("jsonb_build_array", What::Array, Jsonb),
            ("json_build_object", What::Object, Json),
            ("jsonb_build_object", What::Object, Jsonb),
            (ELEMENT, What::Element, Text),
            (MEMBER, What::Member, Text),
            ("json_elements", What::Elements, Json),
            ("jsonb_elements", What::Elements, Jsonb),
            ("json_members", What::Members, Json),
            ("jsonb_members", What::Members, Jsonb),
        ];
        let signature = || Signature::variadic_any(Volatility::Immutable);
        all.into_iter().map(move |(name, what, gives)| Self {
            what,
            types: vec![],
            gives,
            name,
            signature: signature(),
        })
    }

    /// The same function for arguments of these types; `None` if it knows them.
    pub(crate) fn of_types(&self, types: impl Iterator<Item = SqlType>) -> Option<Self> {
        let types: Vec<SqlType> = types.collect();
        let signature = self.signature.clone();
        (self.types.is_empty() && types.iter().any(has_json)).then(|| Self {
            types,
            gives: self.gives.clone(),
            signature,
            ..*self
        })
    }

    fn rows(&self, args: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<Vec<Option<String>>> {
        let columns: Vec<Vec<Option<String>>> = args
            .iter()
            .zip(fields)
            .enumerate()
            .map(|(at, (a, f))| texts(a, &self.type_of(at, f)))
            .collect::<Result<_>>()?;
        let formed = |json: String| if self.gives == SqlType::Jsonb { normal(&json) } else { Ok(json) };
        (0..rows)
            .map(|row| {
                let values: Vec<Option<&str>> = columns.iter().map(|column| column[row].as_deref()).collect();
                self.row(&values)?.map(formed).transpose()
            })
            .collect()
    }

    fn type_of(&self, at: usize, given: &FieldRef) -> SqlType {
        self.types.get(at).filter(|ty| has_json(ty)).cloned().unwrap_or_else(|| SqlType::of_field(given))
    }

    fn row(&self, values: &[Option<&str>]) -> Result<Option<String>> {
        let first = values.first().copied().flatten();
        Ok(Some(match self.what {
            What::Value => return Ok(first.map(str::to_string)),
            What::Element => first.unwrap_or("null").to_string(),
            What::Member => member(values[0], values[1])?,
            What::Elements => return Ok(first.map(unescaped).transpose()?.map(|list| format!("[{list}]"))),
            What::Members => return Ok(first.map(unescaped).transpose()?.map(|list| format!("{{ {list} }}"))),
            What::Array => in_brackets(values.iter().map(|v| v.map(str::to_string)).collect(), ", "),
            What::Object => {
                let members = values.chunks(2).map(|pair| member(pair[0], pair[1]));
                format!("{{{}}}", members.collect::<Result<Vec<_>>>()?.join(", "))
            }
        }))
    }
}

fn has_json(ty: &SqlType) -> bool {
    match ty {
        SqlType::Array(element) => has_json(element),
        other => matches!(other, SqlType::Json | SqlType::Jsonb),
    }
}

/// `"key" : value`, as PostgreSQL writes objects that it builds.
fn member(key: Option<&str>, value: Option<&str>) -> Result<String> {
    let key = key.ok_or_else(|| SqlError::new("22004", "null value not allowed for object key"))?;
    let key = if key.starts_with('"') { key.to_string() } else { quoted(key)? };
    Ok(format!("{key} : {}", value.unwrap_or("null")))
}

/// What came in as text, which the column's json form put into quotes.
fn unescaped(list: &str) -> Result<String> {
    super::parts::unquoted(list)
}

impl ScalarUDFImpl for Build {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        let fits = match self.what {
            What::Array => true,
            What::Object if types.len() % 2 == 1 => {
                let error = SqlError::new("22023", "argument list must have even number of elements");
                return Err(external(error.hint(format!("{} takes keys and values in turn.", self.name))));
            }
            What::Object => true,
            What::Member => types.len() == 2,
            _ => types.len() == 1,
        };
        if !fits {
            let types: Vec<String> = types.iter().map(|t| SqlType::of_arrow(t).name()).collect();
            let called = format!("function {}({}) does not exist", self.name, types.join(", "));
            return Err(external(SqlError::new("42883", called)));
        }
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        self.return_type(&types)?;
        Ok(Arc::new(self.gives.field(self.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<DfResult<Vec<_>>>()?;
        let rows = self.rows(&arrays, &args.arg_fields, rows).map_err(external)?;
        let array: ArrayRef = Arc::new(rows.into_iter().collect::<StringViewArray>());
        crate::functions::one_or_all(scalar, array)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rows_become_json() {
        let build = |name: &str| Build::all().find(|b| b.name == name).unwrap();
        let row = |name: &str, values: &[Option<&str>]| build(name).row(values).unwrap();
        assert_eq!(row("json_build_array", &[Some("1"), None]).unwrap(), "[1, null]");
        assert_eq!(
            row("json_build_object", &[Some("\"a\""), Some("1"), Some("2"), None]).unwrap(),
            r#"{"a" : 1, "2" : null}"#
        );
        assert_eq!(row("json_build_object", &[]).unwrap(), "{}");
        assert_eq!(row("json_elements", &[Some(r#""1, \"x\"""#)]).unwrap(), r#"[1, "x"]"#);
        assert_eq!(row("json_elements", &[None]), None);
        assert_eq!(row("json_element", &[None]).unwrap(), "null");
        assert_eq!(build("json_build_object").row(&[None, None]).unwrap_err().code, "22004");
    }
}
