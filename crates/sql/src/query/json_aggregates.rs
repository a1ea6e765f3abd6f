//! `json_agg` and its like, spelled with `string_agg` over each row's json: so they are maintained, ordered and filtered
//! the way that is.

use crate::functions::json::{ELEMENT, MEMBER};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};

/// Each aggregate, what it makes of a row, and what makes a whole of that.
const AGGREGATES: [(&str, &str, &str); 4] = [
    ("json_agg", ELEMENT, "json_elements"),
    ("jsonb_agg", ELEMENT, "jsonb_elements"),
    ("json_object_agg", MEMBER, "json_members"),
    ("jsonb_object_agg", MEMBER, "jsonb_members"),
];

/// The call spelled out, if it is one of such an aggregate.
pub(super) fn spelled(expr: &Expr) -> Option<Expr> {
    let Expr::Function(aggregate) = expr else { return None };
    let name = aggregate.name.to_string().to_ascii_lowercase();
    let (_, of_row, whole) = AGGREGATES.iter().find(|(aggregate, ..)| name == *aggregate)?;
    let FunctionArguments::List(list) = &aggregate.args else { return None };
    let row = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: list.args.clone(),
        clauses: vec![],
    });
    let comma = Expr::Value(Value::SingleQuotedString(", ".into()).into());
    let joined = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: list.duplicate_treatment,
        args: vec![argument(call(of_row, row)), argument(comma)],
        clauses: list.clauses.clone(),
    });
    let joined = Function { name: named("string_agg"), args: joined, ..aggregate.clone() };
    let joined = vec![argument(Expr::Function(joined))];
    let joined = FunctionArgumentList { duplicate_treatment: None, args: joined, clauses: vec![] };
    Some(call(whole, FunctionArguments::List(joined)))
}

fn call(name: &str, args: FunctionArguments) -> Expr {
    Expr::Function(Function {
        name: named(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

fn named(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}
