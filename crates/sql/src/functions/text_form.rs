//! Types that are stored as text: text that becomes one where a query casts it or compares it with a value of such a
//! type, and expressions that keep it where the planner forgets it.

use super::compared::compares;
use super::{any_of, json, uuid};
use crate::SqlType;
use crate::error::external;
use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, Case, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Gives text its form as a type that is stored as text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextForm {
    ty: SqlType,
    /// Whether the text has that form already.
    formed: bool,
    name: String,
    signature: Signature,
}

impl TextForm {
    fn new(ty: SqlType) -> Self {
        let name = format!("text_to_{}", ty.name());
        Self { ty, formed: false, name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// Only says of which type it is.
    fn mark(ty: SqlType) -> Self {
        Self { formed: true, name: format!("text_as_{}", ty.name()), ..Self::new(ty) }
    }

    fn form(&self, text: &str) -> crate::Result<String> {
        match self.ty {
            SqlType::Varchar(Some(length)) => Ok(text.chars().take(length as usize).collect()),
            SqlType::Uuid => uuid::canonical(text),
            SqlType::Jsonb => json::normal(text),
            _ => json::checked(text),
        }
    }
}

impl ScalarUDFImpl for TextForm {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(if matches!(self.ty, SqlType::Array(_)) { types[0].clone() } else { self.ty.arrow() })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = self.ty.field(&self.name);
        Ok(Arc::new(match self.ty {
            SqlType::Array(_) => field.with_data_type(args.arg_fields[0].data_type().clone()),
            _ => field,
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { args.number_rows };
        let values = args.args[0].to_array(rows)?;
        if matches!(self.ty, SqlType::Array(_)) {
            return crate::functions::one_or_all(scalar, values);
        }
        let text = cast(&values, &DataType::Utf8View)?;
        let formed: ArrayRef = if self.formed {
            text
        } else {
            let formed = text.as_string_view().iter().map(|v| v.map(|v| self.form(v)).transpose());
            Arc::new(formed.collect::<crate::Result<StringViewArray>>().map_err(external)?)
        };
        crate::functions::one_or_all(scalar, formed)
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// Puts casts of text to uuid and json into words that check it, and literals beside such values into their form.
#[derive(Debug)]
pub(crate) struct TextForms;

impl AnalyzerRule for TextForms {
    fn name(&self) -> &str {
        "text_forms"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        super::rewrite::rewrite(plan, super::rewrite::InValues::Rewrite, formed)
    }
}

fn formed(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Cast(cast) => {
            let to = SqlType::of_field(&cast.field);
            let Some(from) = type_of(&cast.expr, schema) else { return Ok(Transformed::no(Expr::Cast(cast))) };
            match to {
                to if has_form(&to) && from != to && is_text(&from) => {
                    Transformed::yes(call(TextForm::new(to), *cast.expr))
                }
                to @ SqlType::Varchar(Some(_)) if from != to => {
                    let text = Expr::Cast(Cast::new(cast.expr, DataType::Utf8View));
                    Transformed::yes(call(TextForm::new(to), text))
                }
                to @ (SqlType::Text | SqlType::Varchar(None)) if has_form(&from) => {
                    Transformed::yes(call(TextForm::mark(to), *cast.expr))
                }
                _ => Transformed::no(Expr::Cast(cast)),
            }
        }
        Expr::Case(case) => of_case(case, schema)?,
        Expr::ScalarFunction(f) if f.name() == "make_array" => match any_typed(&f.args, schema) {
            Some(SqlType::Array(element)) => {
                let marked = TextForm::mark(SqlType::Array(element));
                Transformed::yes(call(marked, Expr::ScalarFunction(f)))
            }
            Some(ty) => {
                let marked = TextForm::mark(SqlType::Array(Box::new(ty.clone())));
                let args = f.args.into_iter().map(|e| literal(ty.clone(), e)).collect::<Result<_>>()?;
                Transformed::yes(call(marked, Expr::ScalarFunction(ScalarFunction::new_udf(f.func, args))))
            }
            None => Transformed::no(Expr::ScalarFunction(f)),
        },
        Expr::ScalarFunction(f) if matches!(f.name(), "coalesce" | "nullif" | "greatest" | "least") => {
            of_choice(f, schema)?
        }
        Expr::ScalarFunction(mut f) if matches!(f.name(), "concat" | "concat_ws") => {
            f.args = f.args.into_iter().map(|a| shown(a, schema)).collect();
            Transformed::yes(Expr::ScalarFunction(f))
        }
        Expr::ScalarFunction(f) if f.name() == any_of::ANY_OF => Transformed::yes(any_of::array(f, schema)?),
        Expr::ScalarFunction(f) => match any_of::list(f) {
            Ok(list) => Transformed::yes(formed(Expr::InList(list), schema)?.data),
            Err(f) => typed(f, schema),
        },
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let (left, right) = match (with_form(&left, schema), with_form(&right, schema)) {
                (Some(ty), None) => (left, Box::new(literal(ty, *right)?)),
                (None, Some(ty)) => (Box::new(literal(ty, *left)?), right),
                _ => (left, right),
            };
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::InList(InList { expr, list, negated }) => match with_form(&expr, schema) {
            Some(ty) => {
                let list = list.into_iter().map(|e| literal(ty.clone(), e)).collect::<Result<_>>()?;
                Transformed::yes(Expr::InList(InList { expr, list, negated }))
            }
            None => Transformed::no(Expr::InList(InList { expr, list, negated })),
        },
        other => Transformed::no(other),
    })
}

/// CASE whose results are of such a type is of it too.
fn of_case(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let results = || case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    let Some(ty) = results().find_map(|e| type_of(e, schema).filter(has_form)) else {
        return Ok(Transformed::no(Expr::Case(case)));
    };
    for result in case.when_then_expr.iter_mut().map(|(_, then)| then).chain(&mut case.else_expr) {
        **result = literal(ty.clone(), *result.clone())?;
    }
    Ok(Transformed::yes(call(TextForm::mark(ty), Expr::Case(case))))
}

/// So is a function that chooses one of its arguments.
fn of_choice(mut f: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Some(ty) = f.args.iter().find_map(|e| type_of(e, schema).filter(has_form)) else {
        return Ok(Transformed::no(Expr::ScalarFunction(f)));
    };
    f.args = f.args.into_iter().map(|e| literal(ty.clone(), e)).collect::<Result<_>>()?;
    Ok(Transformed::yes(call(TextForm::mark(ty), Expr::ScalarFunction(f))))
}

/// Tells a function that makes json which of its arguments are json.
fn typed(f: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let build = f.func.inner().downcast_ref::<json::Build>();
    let types = f.args.iter().map(|a| type_of(a, schema).unwrap_or(SqlType::Unknown));
    match build.and_then(|build| build.of_types(types)) {
        Some(build) => {
            let func = Arc::new(ScalarUDF::new_from_impl(build));
            Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(func, f.args)))
        }
        None => Transformed::no(Expr::ScalarFunction(f)),
    }
}

/// Functions that take anything show a boolean as `t` or `f`.
fn shown(expr: Expr, schema: &DFSchema) -> Expr {
    if !expr.get_type(schema).is_ok_and(|t| t == DataType::Boolean) {
        return expr;
    }
    let text = |t: &str| Box::new(Expr::Literal(ScalarValue::Utf8View(Some(t.into())), None));
    let is = |b: bool| Box::new(Expr::Literal(ScalarValue::Boolean(Some(b)), None));
    let when_then_expr = vec![(is(true), text("t")), (is(false), text("f"))];
    Expr::Case(Case { expr: Some(Box::new(expr)), when_then_expr, else_expr: None })
}

/// The type of the elements, if it or that of theirs is stored as text.
fn any_typed(args: &[Expr], schema: &DFSchema) -> Option<SqlType> {
    let has = |ty: &SqlType| matches!(ty, SqlType::Array(of) if has_form(of)) || has_form(ty);
    args.iter().find_map(|e| type_of(e, schema).filter(has))
}

fn has_form(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Uuid | SqlType::Json | SqlType::Jsonb)
}

fn is_text(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Text | SqlType::Varchar(_) | SqlType::Json | SqlType::Jsonb)
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<SqlType> {
    expr.to_field(schema).ok().map(|(_, field)| SqlType::of_field(&field))
}

/// The type of an expression whose values are compared in their one form.
fn with_form(expr: &Expr, schema: &DFSchema) -> Option<SqlType> {
    type_of(expr, schema).filter(|ty| matches!(ty, SqlType::Uuid | SqlType::Jsonb))
}

/// A literal beside a value of the type, in the form of the type; other expressions as they are.
fn literal(ty: SqlType, expr: Expr) -> Result<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), metadata) = expr else {
        return Ok(expr);
    };
    let form = TextForm::new(ty).form(&text).map_err(external)?;
    Ok(Expr::Literal(ScalarValue::Utf8View(Some(form)), metadata))
}

fn call(form: TextForm, value: Expr) -> Expr {
    let function = Arc::new(ScalarUDF::new_from_impl(form));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![value]))
}
