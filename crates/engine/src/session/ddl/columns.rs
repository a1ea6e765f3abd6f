//! Columns and constraints of a table, each option handled or refused.

use crate::catalog::{
    Catalog, CheckDef, ColumnDef, ForeignDef, Identity, KeyDef, Kind, ObjectRef, TableDef, TableParts,
};
use crate::context::Context;
use crate::session::Session;
use sluice_sql::{Result, SqlError, SqlType, TreeMut, each_expr_mut, fold};
use sqlparser::ast::{
    self, ColumnOption, CreateTable, DataType, Expr, ForeignKeyConstraint, GeneratedAs, Ident, ReferentialAction,
    TableConstraint,
};

impl Session {
    /// The definition that CREATE TABLE asks for.
    pub(crate) fn table_def(&self, create: &CreateTable, catalog: &Catalog) -> Result<TableDef> {
        let name = ObjectRef::parse(&create.name)?;
        let schema = catalog.creation_schema(&name, &self.settings.search_path())?;
        let context = self.engine.context();
        let mut def = TableDef {
            id: context.object_id(),
            schema,
            name: name.name,
            columns: vec![],
            kind: Kind::Table(TableParts::default()),
            indexes: vec![],
        };
        let mut parts = TableParts::default();
        for (i, column) in create.columns.iter().enumerate() {
            let column = self.column_def(&def, (i as i64 + 1, i), column, &mut parts, catalog)?;
            if def.position(&column.name).is_some() {
                return Err(SqlError::new("42701", format!("column \"{}\" specified more than once", column.name)));
            }
            def.columns.push(column);
        }
        for constraint in &create.constraints {
            self.table_constraint(&mut def, &mut parts, constraint, catalog)?;
        }
        self.finish_parts(&mut def, parts)?;
        Ok(def)
    }

    /// A column with its options; its constraints are added to `parts`.
    pub(super) fn column_def(
        &self,
        def: &TableDef,
        (id, position): (i64, usize),
        column: &ast::ColumnDef,
        parts: &mut TableParts,
        catalog: &Catalog,
    ) -> Result<ColumnDef> {
        let context = self.engine.context();
        let (ty, serial) = column_type(&column.data_type)?;
        let mut col = ColumnDef {
            id,
            name: fold(&column.name),
            ty,
            not_null: serial,
            default: None,
            sequence: serial.then(|| context.object_id()),
            identity: None,
        };
        for option in &column.options {
            let label = option.name.as_ref().map(fold);
            column_option(&mut col, position, &option.option, label, &def.name, parts, catalog, self, context)?;
        }
        Ok(col)
    }

    /// Gives a table its constraints, once all are read.
    pub(super) fn finish_parts(&self, def: &mut TableDef, mut parts: TableParts) -> Result<()> {
        if parts.keys.iter().filter(|k| k.primary).count() > 1 {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", def.name);
            return Err(SqlError::new("42P16", message));
        }
        refuse_double_names(def, &parts)?;
        for key in parts.keys.iter().filter(|k| k.primary) {
            key.columns.iter().for_each(|&c| def.columns[c].not_null = true);
        }
        self_references(&mut parts, def)?;
        def.kind = Kind::Table(parts);
        Ok(())
    }

    pub(super) fn table_constraint(
        &self,
        def: &mut TableDef,
        parts: &mut TableParts,
        constraint: &TableConstraint,
        catalog: &Catalog,
    ) -> Result<()> {
        match constraint {
            TableConstraint::PrimaryKey(c) => {
                let columns = key_columns(def, &c.columns)?;
                let name = c.name.as_ref().map_or_else(|| format!("{}_pkey", def.name), fold);
                parts.keys.push(KeyDef { name, columns, primary: true, index: false });
            }
            TableConstraint::Unique(c) => {
                let columns = key_columns(def, &c.columns)?;
                let names: Vec<&str> = columns.iter().map(|&i| def.columns[i].name.as_str()).collect();
                let name = c.name.as_ref().map_or_else(|| format!("{}_{}_key", def.name, names.join("_")), fold);
                parts.keys.push(KeyDef { name, columns, primary: false, index: false });
            }
            TableConstraint::Check(c) => {
                let name = match &c.name {
                    Some(name) => fold(name),
                    None => check_name(&def.name, &c.expr, parts)?,
                };
                parts.checks.push(CheckDef { name, condition: c.expr.to_string() });
            }
            TableConstraint::ForeignKey(c) => {
                let columns = c.columns.iter().map(|i| position(def, i)).collect::<Result<Vec<_>>>()?;
                let names: Vec<&str> = columns.iter().map(|&i| def.columns[i].name.as_str()).collect();
                let foreign = self.foreign(&def.name, &names.join("_"), columns, c, catalog)?;
                parts.foreign.push(foreign);
            }
            other => return Err(SqlError::unsupported(format!("the constraint {other}"), "Leave it out.")),
        }
        Ok(())
    }

    fn foreign(
        &self,
        table: &str,
        names: &str,
        columns: Vec<usize>,
        c: &ForeignKeyConstraint,
        catalog: &Catalog,
    ) -> Result<ForeignDef> {
        let passive = |a: &Option<ReferentialAction>| {
            matches!(a, None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict))
        };
        if !passive(&c.on_delete) || !passive(&c.on_update) {
            return Err(SqlError::unsupported(
                "ON DELETE or ON UPDATE with an action",
                "Delete or update the referring rows in the same transaction.",
            ));
        }
        if c.match_kind.is_some() || c.characteristics.is_some() {
            return Err(SqlError::unsupported(
                "MATCH or DEFERRABLE",
                "Leave it out: references are checked at the end of the transaction.",
            ));
        }
        let name = c.name.as_ref().map_or_else(|| format!("{table}_{names}_fkey"), fold);
        let reference = ObjectRef::parse(&c.foreign_table)?;
        if reference.name == table {
            return Ok(ForeignDef { name, columns, table: SELF, referenced: vec![] });
        }
        let parent = catalog.get(&reference, &self.settings.search_path())?;
        let referenced = referenced_columns(parent, &c.referred_columns)?;
        Ok(ForeignDef { name, columns, table: parent.id, referenced })
    }
}

fn refuse_double_names(def: &TableDef, parts: &TableParts) -> Result<()> {
    let names = parts.keys.iter().map(|k| &k.name);
    let names = names.chain(parts.checks.iter().map(|c| &c.name)).chain(parts.foreign.iter().map(|f| &f.name));
    let mut seen = std::collections::HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("constraint \"{name}\" for relation \"{}\" already exists", def.name);
            Err(SqlError::new("42710", message).hint("Give it another name: CONSTRAINT name ...."))
        }
    }
}

/// Stands for the table being created, until it has its number.
const SELF: i64 = -1;

fn self_references(parts: &mut TableParts, def: &TableDef) -> Result<()> {
    let primary = parts.keys.iter().find(|k| k.primary).map(|k| k.columns.clone());
    for foreign in parts.foreign.iter_mut().filter(|f| f.table == SELF) {
        foreign.table = def.id;
        foreign.referenced = primary.clone().ok_or_else(|| no_key(&def.name))?;
    }
    Ok(())
}

fn no_key(table: &str) -> SqlError {
    SqlError::new(
        "42830",
        format!("there is no unique constraint matching given keys for referenced table \"{table}\""),
    )
    .hint("Add a PRIMARY KEY or UNIQUE constraint over the referenced columns.")
}

fn referenced_columns(parent: &TableDef, named: &[Ident]) -> Result<Vec<usize>> {
    let keys = parent.parts().map(|p| p.keys.clone()).unwrap_or_default();
    if named.is_empty() {
        let primary = keys.iter().find(|k| k.primary).ok_or_else(|| no_key(&parent.name))?;
        return Ok(primary.columns.clone());
    }
    let columns = named.iter().map(|i| position(parent, i)).collect::<Result<Vec<_>>>()?;
    let sorted = |mut c: Vec<usize>| {
        c.sort_unstable();
        c
    };
    if !keys.iter().any(|k| sorted(k.columns.clone()) == sorted(columns.clone())) {
        return Err(no_key(&parent.name));
    }
    Ok(columns)
}

fn position(def: &TableDef, ident: &Ident) -> Result<usize> {
    let name = fold(ident);
    def.position(&name).ok_or_else(|| SqlError::new("42703", format!("column \"{name}\" named in key does not exist")))
}

fn key_columns(def: &TableDef, columns: &[sqlparser::ast::IndexColumn]) -> Result<Vec<usize>> {
    columns
        .iter()
        .map(|c| match &c.column.expr {
            Expr::Identifier(i) => position(def, i),
            other => Err(SqlError::unsupported(format!("a key over {other}"), "Name columns.")),
        })
        .collect()
}

/// A column's type, and whether it is serial.
pub(super) fn column_type(ty: &DataType) -> Result<(SqlType, bool)> {
    if let DataType::Custom(name, modifiers) = ty
        && modifiers.is_empty()
    {
        let serial = match name.to_string().to_lowercase().as_str() {
            "bigserial" | "serial8" => Some(SqlType::Int8),
            "serial" | "serial4" => Some(SqlType::Int4),
            "smallserial" | "serial2" => Some(SqlType::Int2),
            _ => None,
        };
        if let Some(ty) = serial {
            return Ok((ty, true));
        }
    }
    let ty = SqlType::parse(ty)?;
    if !ty.can_be_stored() {
        return Err(SqlError::unsupported(
            format!("a column of type {}", ty.name()),
            "Store it as text or in columns of its own.",
        ));
    }
    Ok((ty, false))
}

#[allow(
    clippy::too_many_arguments,
    reason = "one option touches the column, the table's constraints and the names around them"
)]
fn column_option(
    column: &mut ColumnDef,
    position: usize,
    option: &ColumnOption,
    label: Option<String>,
    table: &str,
    parts: &mut TableParts,
    catalog: &Catalog,
    session: &Session,
    context: &Context,
) -> Result<()> {
    match option {
        ColumnOption::Null => {}
        ColumnOption::NotNull => column.not_null = true,
        ColumnOption::Default(expr) => column.default = Some(expr.to_string()),
        ColumnOption::PrimaryKey(_) => {
            let name = label.unwrap_or_else(|| format!("{table}_pkey"));
            parts.keys.push(KeyDef { name, columns: vec![position], primary: true, index: false });
        }
        ColumnOption::Unique(_) => {
            let name = label.unwrap_or_else(|| format!("{table}_{}_key", column.name));
            parts.keys.push(KeyDef { name, columns: vec![position], primary: false, index: false });
        }
        ColumnOption::Check(check) => {
            let named = label.or_else(|| check.name.as_ref().map(fold));
            let name = named.map_or_else(|| check_name(table, &check.expr, parts), Ok)?;
            parts.checks.push(CheckDef { name, condition: check.expr.to_string() });
        }
        ColumnOption::ForeignKey(foreign) => {
            let mut found = session.foreign(table, &column.name, vec![position], foreign, catalog)?;
            if let Some(label) = label {
                found.name = label;
            }
            parts.foreign.push(found);
        }
        ColumnOption::Generated {
            generated_as: kind @ (GeneratedAs::Always | GeneratedAs::ByDefault),
            generation_expr: None,
            sequence_options,
            ..
        } => {
            if sequence_options.as_ref().is_some_and(|o| !o.is_empty()) {
                return Err(SqlError::unsupported("sequence options", "Leave them out: numbers start at 1."));
            }
            column.not_null = true;
            column.sequence = Some(context.object_id());
            column.identity = Some(match kind {
                GeneratedAs::Always => Identity::Always,
                _ => Identity::ByDefault,
            });
        }
        other => return Err(SqlError::unsupported(format!("the column option {other}"), "Leave it out.")),
    }
    Ok(())
}

/// A check without a name is named after its table, and its column if it has only one.
fn check_name(table: &str, condition: &Expr, parts: &TableParts) -> Result<String> {
    let mut columns = std::collections::BTreeSet::new();
    each_column(&condition.to_string(), table, |column| {
        columns.insert(fold(column));
    })?;
    let plain = match columns.first() {
        Some(column) if columns.len() == 1 => format!("{table}_{column}_check"),
        _ => format!("{table}_check"),
    };
    Ok(free_name(&plain, parts))
}

/// `plain`, or with the first number behind it that no check has yet.
fn free_name(plain: &str, parts: &TableParts) -> String {
    let taken = |n: &String| parts.checks.iter().any(|c| c.name == *n);
    let mut name = plain.to_string();
    let mut n = 0;
    while taken(&name) {
        n += 1;
        name = format!("{plain}{n}");
    }
    name
}

/// Refuses every clause of CREATE TABLE that is not handled, by rebuilding the statement from those that are.
pub(crate) fn refuse_other_clauses(create: &CreateTable) -> Result<()> {
    let handled = sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder::new(create.name.clone())
        .or_replace(create.or_replace)
        .if_not_exists(create.if_not_exists)
        .columns(create.columns.clone())
        .constraints(create.constraints.clone())
        .query(create.query.clone())
        .hive_distribution(create.hive_distribution.clone())
        .build();
    if handled != *create {
        return Err(SqlError::unsupported(
            "a clause of this CREATE TABLE",
            "Use columns, constraints, or AS SELECT ... alone.",
        ));
    }
    Ok(())
}

/// The table's checks without its name before columns, so that it can get another name.
pub(super) fn without_table_name(def: &TableDef) -> Result<TableDef> {
    let mut altered = def.clone();
    if let Kind::Table(parts) = &mut altered.kind {
        for check in &mut parts.checks {
            check.condition = each_column(&check.condition, &def.name, |_| {})?;
        }
    }
    Ok(altered)
}

/// An expression over one table with a column's new name.
pub(super) fn rename_in(expr: &str, table: &str, old: &str, new: &str) -> Result<String> {
    each_column(expr, table, |column| {
        if fold(column) == old {
            *column = Ident::with_quote('"', new);
        }
    })
}

/// Whether an expression over one table names a column.
pub(super) fn names_column(expr: &str, table: &str, name: &str) -> Result<bool> {
    let mut found = false;
    each_column(expr, table, |column| found |= fold(column) == name)?;
    Ok(found)
}

/// Shows each column of an expression over one table to `change`, without the table's name before it.
fn each_column(expr: &str, table: &str, mut change: impl FnMut(&mut Ident)) -> Result<String> {
    let mut expr = crate::statement::parse_expr(expr)?;
    each_expr_mut(TreeMut::Expr(&mut expr), &mut |expr| {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [qualifier, column] = parts.as_slice()
            && fold(qualifier) == table
        {
            *expr = Expr::Identifier(column.clone());
        }
        if let Expr::Identifier(column) = expr {
            change(column);
        }
    });
    Ok(expr.to_string())
}
