//! The functions of one json value, as a table of what each is called, gives and does.

use super::parts::{Kind, element, elements, field, shown};
use super::{contain, edit, form, path};
use crate::error::external;
use crate::{Result, SqlError, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// What stands beside the value.
#[derive(Debug)]
pub(super) enum Beside<'a> {
    Nothing,
    Text(&'a str),
    Number(i64),
    List(Vec<Option<String>>),
}

/// What a function gives.
#[derive(Debug)]
enum Answer {
    Value(String),
    Text(String),
    Number(i32),
    Truth(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// A value of the type that came in.
    Value,
    Text,
    Number,
    Truth,
}

struct Spec {
    name: &'static str,
    gives: Gives,
    run: fn(&str, &Beside<'_>) -> Result<Option<Answer>>,
}

const SPECS: [Spec; 15] = [
    Spec { name: "->", gives: Gives::Value, run: |v, at| Ok(get(v, at).map(value)) },
    Spec { name: "->>", gives: Gives::Text, run: |v, at| text(get(v, at)) },
    Spec { name: "#>", gives: Gives::Value, run: |v, at| Ok(get(v, &steps(at)?).map(value)) },
    Spec { name: "#>>", gives: Gives::Text, run: |v, at| text(get(v, &steps(at)?)) },
    Spec { name: "extract_path", gives: Gives::Value, run: |v, at| Ok(get(v, at).map(value)) },
    Spec { name: "extract_path_text", gives: Gives::Text, run: |v, at| text(get(v, at)) },
    Spec { name: "@>", gives: Gives::Truth, run: |v, part| truth(contain::contains(v, word(part))) },
    Spec { name: "<@", gives: Gives::Truth, run: |v, whole| truth(contain::contains(word(whole), v)) },
    Spec { name: "?", gives: Gives::Truth, run: |v, key| truth(contain::has_key(v, word(key))) },
    Spec {
        name: "?|",
        gives: Gives::Truth,
        run: |v, keys| truth(words(&steps(keys)?).any(|k| contain::has_key(v, k))),
    },
    Spec {
        name: "?&",
        gives: Gives::Truth,
        run: |v, keys| truth(words(&steps(keys)?).all(|k| contain::has_key(v, k))),
    },
    Spec {
        name: "||",
        gives: Gives::Value,
        run: |v, other| edit::join(v, word(other)).map(|v| Some(Answer::Value(v))),
    },
    Spec { name: "-", gives: Gives::Value, run: |v, gone| take_out(v, gone).map(|v| Some(Answer::Value(v))) },
    Spec { name: "typeof", gives: Gives::Text, run: |v, _| Ok(Some(Answer::Text(Kind::of(v).name().into()))) },
    Spec { name: "array_length", gives: Gives::Number, run: |v, _| length(v).map(|n| Some(Answer::Number(n))) },
];

/// The functions that are called by name, for json and for jsonb.
const NAMED: [&str; 4] = ["extract_path", "extract_path_text", "typeof", "array_length"];

fn value(part: &str) -> Answer {
    Answer::Value(part.to_string())
}

fn text(part: Option<&str>) -> Result<Option<Answer>> {
    Ok(part.map(shown).transpose()?.flatten().map(Answer::Text))
}

fn truth(is: bool) -> Result<Option<Answer>> {
    Ok(Some(Answer::Truth(is)))
}

fn get<'a>(value: &'a str, at: &Beside<'_>) -> Option<&'a str> {
    match at {
        Beside::Nothing => Some(value),
        Beside::Text(key) => field(value, key),
        Beside::Number(at) => element(value, *at),
        Beside::List(steps) => path::at(value, steps),
    }
}

/// An array may be written as text.
fn steps<'a>(at: &Beside<'a>) -> Result<Beside<'a>> {
    Ok(Beside::List(match at {
        Beside::List(steps) => steps.clone(),
        other => path::parse(word(other))?,
    }))
}

fn word<'a>(beside: &Beside<'a>) -> &'a str {
    if let Beside::Text(text) = beside { text } else { "" }
}

fn words<'a>(beside: &'a Beside<'_>) -> impl Iterator<Item = &'a str> {
    let list = if let Beside::List(list) = beside { list.as_slice() } else { &[] };
    list.iter().flatten().map(String::as_str)
}

fn take_out(value: &str, gone: &Beside<'_>) -> Result<String> {
    match gone {
        Beside::Number(at) => edit::without_element(value, *at),
        Beside::Text(key) => edit::without(value, &[key]),
        list => edit::without(value, &words(list).collect::<Vec<_>>()),
    }
}

fn length(value: &str) -> Result<i32> {
    match Kind::of(value) {
        Kind::Array => i32::try_from(elements(value).count()).map_err(SqlError::internal),
        Kind::Object => Err(SqlError::new("22023", "cannot get array length of a non-array")),
        _ => Err(SqlError::new("22023", "cannot get array length of a scalar")),
    }
}

/// A function of a json or jsonb value, NULL if an argument is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct JsonFunction {
    spec: usize,
    binary: bool,
    name: String,
    signature: Signature,
}

impl JsonFunction {
    /// What the operator does with a json value, or a jsonb one.
    pub(super) fn operator(symbol: &str, binary: bool) -> Option<Self> {
        Self::new(symbol, binary, symbol.to_string())
    }

    /// `json_typeof` and all others with a name.
    pub(crate) fn named() -> impl Iterator<Item = Self> {
        let both = NAMED.into_iter().flat_map(|name| [(name, false), (name, true)]);
        both.filter_map(|(name, binary)| Self::new(name, binary, format!("{}_{name}", type_name(binary))))
    }

    fn new(of: &str, binary: bool, name: String) -> Option<Self> {
        let spec = SPECS.iter().position(|spec| spec.name == of)?;
        Some(Self { spec, binary, name, signature: Signature::user_defined(Volatility::Immutable) })
    }

    fn spec(&self) -> &'static Spec {
        &SPECS[self.spec]
    }

    fn ty(&self) -> SqlType {
        if self.binary { SqlType::Jsonb } else { SqlType::Json }
    }

    fn check(&self, types: &[DataType]) -> Result<()> {
        let text = |t: &DataType| t.is_string() || t.is_null();
        let path = self.spec().name.starts_with("extract_path");
        let fits = match types {
            [value] => text(value) && !path,
            [value, steps @ ..] if path => text(value) && steps.iter().all(text),
            [value, beside] => {
                text(value) && (text(beside) || beside.is_integer() || matches!(beside, DataType::List(_)))
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let types: Vec<String> = types.iter().map(|t| SqlType::of_arrow(t).name()).collect();
        Err(SqlError::new("42883", format!("function {}({}) does not exist", self.name, types.join(", "))))
    }

    /// The value in its form: text that no column or cast has checked is checked here.
    fn formed(&self, text: &str, known: bool) -> Result<Option<String>> {
        Ok(match (known, self.binary) {
            (true, _) => None,
            (false, true) => Some(form::normal(text)?),
            (false, false) => Some(form::checked(text)?),
        })
    }

    fn answers(&self, args: &[ArrayRef], known: bool, rows: usize) -> Result<Vec<Option<Answer>>> {
        let values = args[0].as_string_view();
        let beside = Operand::new(&args[1..], self.spec().name.starts_with("extract_path"))?;
        (0..rows)
            .map(|row| {
                let Some(beside) = beside.at(row).filter(|_| values.is_valid(row)) else { return Ok(None) };
                let formed = self.formed(values.value(row), known)?;
                (self.spec().run)(formed.as_deref().unwrap_or(values.value(row)).trim(), &beside)
            })
            .collect()
    }
}

/// What stands beside the values of a batch.
enum Operand {
    Nothing,
    Text(StringViewArray),
    Number(Int64Array),
    List(ListArray),
    Steps(Vec<StringViewArray>),
}

impl Operand {
    fn new(args: &[ArrayRef], steps: bool) -> Result<Self> {
        let text =
            |a: &ArrayRef| Ok(cast(a, &DataType::Utf8View).map_err(SqlError::internal)?.as_string_view().clone());
        if steps {
            return Ok(Self::Steps(args.iter().map(text).collect::<Result<_>>()?));
        }
        let [arg] = args else { return Ok(Self::Nothing) };
        Ok(match arg.data_type() {
            ty if ty.is_integer() => {
                Self::Number(cast(arg, &DataType::Int64).map_err(SqlError::internal)?.as_primitive().clone())
            }
            DataType::List(_) => Self::List(arg.as_list().clone()),
            _ => Self::Text(text(arg)?),
        })
    }

    fn at(&self, row: usize) -> Option<Beside<'_>> {
        Some(match self {
            Self::Nothing => Beside::Nothing,
            Self::Text(text) => Beside::Text(text.is_valid(row).then(|| text.value(row))?),
            Self::Number(numbers) => Beside::Number(numbers.is_valid(row).then(|| numbers.value(row))?),
            Self::List(lists) => {
                let list = lists.is_valid(row).then(|| lists.value(row))?;
                let list = cast(&list, &DataType::Utf8View).ok()?;
                Beside::List(list.as_string_view().iter().map(|s| s.map(str::to_string)).collect())
            }
            Self::Steps(steps) => {
                let step = |s: &StringViewArray| s.is_valid(row).then(|| Some(s.value(row).to_string()));
                Beside::List(steps.iter().map(step).collect::<Option<_>>()?)
            }
        })
    }
}

fn type_name(binary: bool) -> &'static str {
    if binary { "jsonb" } else { "json" }
}

impl ScalarUDFImpl for JsonFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let coerced = |t: &DataType| match t {
            t if t.is_integer() => DataType::Int64,
            t if t.is_string() || t.is_null() => DataType::Utf8View,
            t => t.clone(),
        };
        Ok(types.iter().map(coerced).collect())
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.check(types).map_err(external)?;
        Ok(match self.spec().gives {
            Gives::Value | Gives::Text => DataType::Utf8View,
            Gives::Number => DataType::Int32,
            Gives::Truth => DataType::Boolean,
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        self.check(&types).map_err(external)?;
        let ty = match self.spec().gives {
            Gives::Value => self.ty(),
            Gives::Text => SqlType::Text,
            Gives::Number => SqlType::Int4,
            Gives::Truth => SqlType::Bool,
        };
        Ok(Arc::new(ty.field(&self.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<DfResult<Vec<_>>>()?;
        let known = SqlType::of_field(&args.arg_fields[0]) == self.ty();
        let answers = self.answers(&arrays, known, rows).map_err(external)?.into_iter();
        let array: ArrayRef = match self.spec().gives {
            Gives::Value | Gives::Text => Arc::new(answers.map(Answer::into_text).collect::<StringViewArray>()),
            Gives::Number => Arc::new(answers.map(Answer::into_number).collect::<Int32Array>()),
            Gives::Truth => Arc::new(answers.map(Answer::into_truth).collect::<BooleanArray>()),
        };
        crate::functions::one_or_all(scalar, array)
    }

    fn is_strict(&self) -> bool {
        true
    }
}

impl Answer {
    fn into_text(answer: Option<Self>) -> Option<String> {
        match answer {
            Some(Self::Value(text) | Self::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn into_number(answer: Option<Self>) -> Option<i32> {
        if let Some(Self::Number(n)) = answer { Some(n) } else { None }
    }

    fn into_truth(answer: Option<Self>) -> Option<bool> {
        if let Some(Self::Truth(is)) = answer { Some(is) } else { None }
    }
}
