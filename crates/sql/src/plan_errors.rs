//! What the planner says, in PostgreSQL's words and codes. A message that is not known here keeps the planner's words.

use crate::{SqlError, SqlType};

/// A part of the planner's message, the code, and the message instead; `{}` stands for what the planner quotes.
struct Known {
    says: &'static str,
    code: &'static str,
    message: &'static str,
}

const fn known(says: &'static str, code: &'static str, message: &'static str) -> Known {
    Known { says, code, message }
}

const KNOWN: [Known; 21] = [
    known(
        "must appear in the GROUP BY",
        "42803",
        "column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
    ),
    known("Inconsistent data length across values list", "42601", "VALUES lists must all be the same length"),
    known("Inconsistent data type across values list", "42804", "VALUES types cannot be matched in one column"),
    known("Aggregate functions are not allowed in the WHERE", "42803", "aggregate functions are not allowed in WHERE"),
    known("Aggregate function calls cannot be nested", "42803", "aggregate function calls cannot be nested"),
    known("Order by column out of bounds", "42P10", "ORDER BY position {} is not in select list"),
    known("Cannot find column with position", "42P10", "GROUP BY position {} is not in select list"),
    known(
        "For SELECT DISTINCT, ORDER BY",
        "42P10",
        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
    ),
    known("Too many columns! The subquery", "42601", "subquery has too many columns"),
    known("queries have different number of columns", "42601", "each UNION query must have the same number of columns"),
    known("LIMIT must be >= 0", "2201W", "LIMIT must not be negative"),
    known("OFFSET must be >=0", "2201X", "OFFSET must not be negative"),
    known("returned more than one row", "21000", "more than one row returned by a subquery used as an expression"),
    known("square root of a negative number", "2201F", "cannot take square root of a negative number"),
    known("zero raised to a negative power", "2201F", "zero raised to a negative power is undefined"),
    known("negative count not allowed", "22011", "negative substring length not allowed"),
    known("negative substring length not allowed", "22011", "negative substring length not allowed"),
    known("nvalid input syntax for type interval", "22007", "invalid input syntax for type interval: \"{}\""),
    known("WindowFunction(WindowFunction", "42P20", "window functions are not allowed in WHERE"),
    known("expression OuterReferenceColumn", "0A000", "a subquery that is correlated in this way is not supported"),
    known("expression ScalarSubquery", "0A000", "a subquery that is correlated in this way is not supported"),
];

const CORRELATED: &str = "Compare outer columns with = only, and without LIMIT: number the rows with row_number() OVER \
                          (PARTITION BY ...) in a subquery and join it.";

/// PostgreSQL's error for a message of the planner, or of what runs its plans.
pub(crate) fn translated(message: &str) -> Option<SqlError> {
    let known = KNOWN.iter().find(|k| message.contains(k.says));
    let error = known.map(|k| SqlError::new(k.code, k.message.replacen("{}", &subject(message), 1)));
    let error = error.or_else(|| logical(message)).or_else(|| comparison(message));
    let error = error.or_else(|| condition(message)).or_else(|| operator(message)).or_else(|| function(message))?;
    Some(if error.code == "0A000" { error.hint(CORRELATED) } else { error })
}

/// The first name in quotes, or the first number.
fn subject(message: &str) -> String {
    let quoted = message.split('"').nth(1);
    let referenced = || message.strip_prefix("HAVING clause references: ")?.split_whitespace().next();
    let number = || message.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty());
    quoted.or_else(referenced).or_else(number).unwrap_or_default().to_string()
}

/// `Cannot create filter with non-boolean predicate 'u1.id' returning Int32`.
fn condition(message: &str) -> Option<SqlError> {
    let (_, ty) =
        message.strip_prefix("Cannot create filter with non-boolean predicate ")?.split_once(" returning ")?;
    let message = format!("argument of WHERE must be type boolean, not type {}", type_name(ty));
    Some(SqlError::new("42804", message))
}

/// `... logical boolean operation Int64 AND Boolean`, `Unary operator 'NOT' requires a boolean expression, got Int64`.
fn logical(message: &str) -> Option<SqlError> {
    let (operator, ty) = match message.split_once("for logical boolean operation ") {
        Some((_, operation)) => {
            let (left, rest) = operation.split_once(' ')?;
            let (operator, right) = rest.split_once(' ')?;
            (operator, if left == "Boolean" { right } else { left })
        }
        None => ("NOT", message.split_once("Unary operator 'NOT' requires a boolean expression, got ")?.1),
    };
    let message = format!("argument of {operator} must be type boolean, not type {}", type_name(ty));
    Some(SqlError::new("42804", message))
}

/// `Cannot infer common argument type for comparison operation Boolean = Int64`.
fn comparison(message: &str) -> Option<SqlError> {
    let kinds = ["argument type for comparison", "argument type for regex", "string type for string concat"];
    let operands = kinds.iter().find_map(|kind| message.split_once(&format!("{kind} operation "))).map(|(_, o)| o)?;
    let message = match operands.split(' ').collect::<Vec<_>>().as_slice() {
        [left, symbol, right] => format!("operator does not exist: {} {symbol} {}", type_name(left), type_name(right)),
        _ => format!("operator does not exist: {operands}"),
    };
    Some(SqlError::new("42883", message).hint("Cast one side: x::integer, or x::text."))
}

/// `Cannot coerce arithmetic expression Date32 + Date32 to valid types`.
fn operator(message: &str) -> Option<SqlError> {
    let operands = message.strip_prefix("Cannot coerce arithmetic expression ")?.strip_suffix(" to valid types")?;
    let mut words = operands.rsplitn(2, ' ');
    let (right, rest) = (words.next()?, words.next()?);
    let (left, symbol) = rest.rsplit_once(' ')?;
    let message = format!("operator does not exist: {} {symbol} {}", type_name(left), type_name(right));
    Some(SqlError::new("42883", message).hint("Cast one side: x::integer, or x::text."))
}

/// `... No function matches the given name and argument types 'upper(Int64)'. ...`.
fn function(message: &str) -> Option<SqlError> {
    if let Some((name, _)) = message.split_once("' failed to match any signature") {
        let name = name.rsplit('\'').next()?;
        let error = SqlError::new("42883", format!("function {name} does not exist for arguments of these types"));
        return Some(error.hint("You might need to add explicit type casts."));
    }
    if let Some((_, own)) = message.split_once("coercion failed with: External error: ") {
        return Some(SqlError::new("42883", own.trim_end_matches('.').to_string()));
    }
    if let Some(name) = message.strip_prefix("Invalid function '") {
        let (name, near) = name.split_once('\'')?;
        let error = SqlError::new("42883", format!("function {name} does not exist"));
        let near = near.split('\'').nth(1).map(|near| format!("Perhaps you meant {near}."));
        return Some(match near {
            Some(near) => error.hint(near),
            None => error,
        });
    }
    let call = message.split("No function matches the given name and argument types '").nth(1)?;
    let (name, types) = call.split_once("'.")?.0.strip_suffix(')')?.split_once('(')?;
    let types: Vec<String> = types.split(", ").filter(|t| !t.is_empty()).map(type_name).collect();
    let error = SqlError::new("42883", format!("function {name}({}) does not exist", types.join(", ")));
    Some(error.hint("You might need to add explicit type casts."))
}

/// The SQL name of an Arrow type as it is shown; other words as they are.
fn type_name(shown: &str) -> String {
    shown.parse().map_or_else(|_| shown.to_string(), |ty| SqlType::of_arrow(&ty).name())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn messages_are_postgresqls() {
        for (said, code, message) in [
            (
                "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"u1.id\" must appear \
                 in the GROUP BY clause or must be part of an aggregate function, currently only \"u1.b\" appears",
                "42803",
                "column \"u1.id\" must appear in the GROUP BY clause or be used in an aggregate function",
            ),
            (
                "HAVING clause references: u1.b must appear in the GROUP BY clause or be used in an aggregate function",
                "42803",
                "column \"u1.b\" must appear in the GROUP BY clause or be used in an aggregate function",
            ),
            (
                "Order by column out of bounds, specified: 5, max: 1",
                "42P10",
                "ORDER BY position 5 is not in select list",
            ),
            (
                "Cannot create filter with non-boolean predicate 'u1.id' returning Int32",
                "42804",
                "argument of WHERE must be type boolean, not type integer",
            ),
            (
                "Cannot coerce arithmetic expression Timestamp(µs, \"UTC\") + Date32 to valid types",
                "42883",
                "operator does not exist: timestamp with time zone + date",
            ),
            (
                "Function 'upper' requires String, but received Int64 (DataType: Int64).. No function matches the given name and \
                 argument types 'upper(Int64)'. You might need to add explicit type casts.",
                "42883",
                "function upper(bigint) does not exist",
            ),
            (
                "Execution error: Function 'sum' user-defined coercion failed with: External error: function sum(text) does not exist",
                "42883",
                "function sum(text) does not exist",
            ),
        ] {
            let error = translated(said).unwrap();
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
        }
        assert!(translated("something new").is_none());
    }
}
