//! CREATE INDEX and DROP INDEX.

use crate::catalog::{Catalog, IndexDef, KeyDef, Kind, ObjectRef, TableDef};
use crate::session::{Outcome, Session};
use crate::tick::{Alteration, DdlOp};
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{CreateIndex, Expr, IndexColumn, IndexType};

impl Session {
    pub(super) async fn create_index(&mut self, create: &CreateIndex) -> Result<Outcome> {
        refuse_other_kinds(create)?;
        let catalog = self.catalog();
        let path = self.settings.search_path();
        let def = catalog.get(&ObjectRef::parse(&create.table_name)?, &path)?;
        if matches!(def.kind, Kind::View { .. }) {
            return Err(SqlError::new("42809", format!("cannot create index on relation \"{}\"", def.name))
                .detail("This operation is not supported for views.")
                .hint("Index the tables it reads, or make it a materialized view."));
        }
        let columns = create.columns.iter().map(|c| self.index_column(def, c)).collect::<Result<Vec<_>>>()?;
        let name = match &create.name {
            Some(name) => ObjectRef::parse(name)?.name,
            None => free_name(&catalog, def, &columns),
        };
        let full = ObjectRef { schema: Some(def.schema.clone()), name: name.clone() };
        if catalog.find(&full, &[]).is_some() || catalog.find_index(&full, &[]).is_some() {
            let message = format!("relation \"{name}\" already exists");
            if create.if_not_exists {
                self.notice(format!("{message}, skipping"), None);
                return Ok(Outcome::done("CREATE INDEX"));
            }
            return Err(SqlError::new("42P07", message).hint("Choose another name, or drop it first."));
        }
        let mut altered = def.as_ref().clone();
        let key = KeyDef { name: name.clone(), columns: columns.clone(), primary: false, index: true };
        match &mut altered.kind {
            Kind::Table(parts) if create.unique => parts.keys.push(key),
            _ => altered.indexes.push(IndexDef { name: name.clone(), columns: columns.clone(), unique: create.unique }),
        }
        let looked_at = if create.unique { vec![def.id] } else { vec![] };
        self.in_block(async |session| {
            if create.unique {
                session.validate_key(&altered, &name, &columns).await?;
            }
            session.submit_alteration(Alteration { looked_at, ..Alteration::of(altered) }).await
        })
        .await?;
        Ok(Outcome::done("CREATE INDEX"))
    }

    fn index_column(&self, def: &TableDef, column: &IndexColumn) -> Result<usize> {
        if let Some(class) = &column.operator_class {
            return Err(SqlError::unsupported(
                format!("the operator class {class}"),
                "Leave it out: an index serves lookups by equality.",
            ));
        }
        match &column.column.expr {
            Expr::Identifier(name) => {
                let name = fold(name);
                def.position(&name).ok_or_else(|| SqlError::new("42703", format!("column \"{name}\" does not exist")))
            }
            other => Err(SqlError::unsupported(
                format!("an index on the expression {other}"),
                "Create a materialized view that has the expression as a column, and index that column.",
            )),
        }
    }

    pub(super) async fn drop_index(
        &mut self,
        catalog: &Catalog,
        name: &ObjectRef,
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let Some(def) = catalog.find_index(name, &self.settings.search_path()) else {
            let message = format!("index \"{}\" does not exist", name.shown());
            if if_exists {
                self.notice(format!("{message}, skipping"), None);
                return Ok(());
            }
            return Err(SqlError::new("42704", message));
        };
        let mut altered = def.as_ref().clone();
        altered.indexes.retain(|i| i.name != name.name);
        let mut gone = None;
        if let Kind::Table(parts) = &mut altered.kind
            && let Some(at) = parts.keys.iter().position(|k| k.name == name.name)
        {
            if !parts.keys[at].index {
                let message = format!(
                    "cannot drop index {0} because constraint {0} on table {1} requires it",
                    name.name, def.name
                );
                return Err(SqlError::new("2BP01", message)
                    .hint(format!("You can drop constraint {} on table {} instead.", name.name, def.name)));
            }
            gone = Some((parts.keys.remove(at), parts.keys.clone()));
        }
        if let Some((key, left)) = gone {
            self.release_key(&altered, &key, &left, &format!("index {}", name.name), cascade).await?;
        }
        let mut altered = self.table_by_id(def.id)?.as_ref().clone();
        altered.indexes.retain(|i| i.name != name.name);
        if let Kind::Table(parts) = &mut altered.kind {
            parts.keys.retain(|k| k.name != name.name);
        }
        self.submit_ddl(vec![DdlOp::redefine(altered)]).await
    }
}

/// What is not an index by equality over columns is refused, with what to do instead.
fn refuse_other_kinds(create: &CreateIndex) -> Result<()> {
    let refused = |what: &str, hint: &str| Err(SqlError::unsupported(what, hint));
    let CreateIndex {
        name: _,
        table_name: _,
        using,
        columns: _,
        unique: _,
        concurrently: _,
        if_not_exists: _,
        include,
        nulls_distinct,
        with,
        predicate,
        index_options,
        alter_options,
    } = create;
    if !matches!(using, None | Some(IndexType::BTree | IndexType::Hash)) {
        let using = using.as_ref().map_or(String::new(), ToString::to_string);
        return refused(&format!("an index USING {using}"), "Leave USING out: an index serves lookups by equality.");
    }
    if !include.is_empty() {
        return refused("INCLUDE", "Leave it out: a row is read whole once it is found.");
    }
    if predicate.is_some() {
        return refused(
            "an index WHERE a condition holds",
            "Create a materialized view of those rows, and index that; or index all rows.",
        );
    }
    if *nulls_distinct == Some(false) {
        return refused("NULLS NOT DISTINCT", "Make the columns NOT NULL.");
    }
    if !with.is_empty() || !index_options.is_empty() || !alter_options.is_empty() {
        return refused("options of an index", "Leave them out.");
    }
    Ok(())
}

/// Gives a view the indexes of the one that it replaces, and says which it cannot have.
pub(super) fn carry_over(old: &TableDef, new: &mut TableDef) -> Vec<String> {
    let mut notices = vec![];
    for index in &old.indexes {
        let names = index.columns.iter().map(|&c| old.columns[c].name.as_str());
        match names.map(|name| new.position(name)).collect() {
            Some(columns) => new.indexes.push(IndexDef { columns, ..index.clone() }),
            None => notices.push(format!("index {} goes: the new query has not all of its columns", index.name)),
        }
    }
    notices
}

/// `table_column_idx`, with a number behind it if that is taken.
fn free_name(catalog: &Catalog, def: &TableDef, columns: &[usize]) -> String {
    let columns: Vec<&str> = columns.iter().map(|&c| def.columns[c].name.as_str()).collect();
    let plain = format!("{}_{}_idx", def.name, columns.join("_"));
    let taken = |name: &str| {
        let name = ObjectRef { schema: Some(def.schema.clone()), name: name.to_string() };
        catalog.find(&name, &[]).is_some() || catalog.find_index(&name, &[]).is_some()
    };
    let mut name = plain.clone();
    let mut n = 0;
    while taken(&name) {
        n += 1;
        name = format!("{plain}{n}");
    }
    name
}
