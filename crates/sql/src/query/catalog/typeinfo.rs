//! asyncpg asks for the types that it does not know by one recursive query. Here no type has parts but arrays, whose
//! elements every driver knows, so that one step answers it.

use crate::query::names::fold;
use sqlparser::ast::Query;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

const ONE_STEP: &str = "
    SELECT t.oid AS oid, n.nspname AS ns, t.typname AS name, t.typtype AS kind, CAST(NULL AS oid) AS basetype,
        t.typelem AS elemtype, e.typdelim AS elemdelim, CAST(NULL AS oid) AS range_subtype,
        CAST(NULL AS text) AS attrtypoids, CAST(NULL AS text) AS attrnames, 0 AS depth,
        CAST(NULL AS text) AS basetype_name, __regtype_name(t.typelem) AS elemtype_name,
        CAST(NULL AS text) AS range_subtype_name
    FROM pg_catalog.pg_type t
        JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    WHERE t.oid = ANY ($1::oid[])";

/// Replaces the query, if it is that one.
pub(super) fn rewrite(query: &mut Query) {
    let is_asked = query.with.as_ref().is_some_and(|with| {
        let columns = |c: &sqlparser::ast::Cte| c.alias.columns.iter().any(|c| fold(&c.name) == "range_subtype");
        with.recursive && with.cte_tables.iter().any(|c| fold(&c.alias.name) == "typeinfo_tree" && columns(c))
    });
    if is_asked
        && let Ok(plain) = Parser::new(&PostgreSqlDialect {}).try_with_sql(ONE_STEP).and_then(|mut p| p.parse_query())
    {
        *query = *plain;
    }
}
