//! Walking syntax trees. sqlparser's walk is compiled anew for each visitor, over hundreds of types of nodes: 15 MB of
//! machine code each. Here it is compiled once, and visitors are called through a trait object.

use crate::{Result, SqlError};
use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, ValueWithSpan, Visit, VisitMut,
    Visitor, VisitorMut,
};
use std::ops::ControlFlow::{self, Continue};

/// Where a walk begins.
pub enum Tree<'a> {
    /// A statement.
    Statement(&'a Statement),
    /// A query.
    Query(&'a Query),
    /// An output column of a query.
    Item(&'a SelectItem),
    /// An expression.
    Expr(&'a Expr),
}

/// Where a walk that changes nodes begins.
pub enum TreeMut<'a> {
    /// A query.
    Query(&'a mut Query),
    /// An output column of a query.
    Item(&'a mut SelectItem),
    /// An expression.
    Expr(&'a mut Expr),
}

/// Shows every node of `tree` to `visitor` until it breaks off with an error.
pub(crate) fn walk(tree: Tree<'_>, visitor: &mut dyn Visitor<Break = SqlError>) -> Result<()> {
    let mut visitor = Shared(visitor);
    let flow = match tree {
        Tree::Statement(s) => s.visit(&mut visitor),
        Tree::Query(q) => q.visit(&mut visitor),
        Tree::Item(i) => i.visit(&mut visitor),
        Tree::Expr(e) => e.visit(&mut visitor),
    };
    outcome(flow)
}

/// Gives every node of `tree` to `visitor` until it breaks off with an error.
pub(crate) fn walk_mut(tree: TreeMut<'_>, visitor: &mut dyn VisitorMut<Break = SqlError>) -> Result<()> {
    let mut visitor = SharedMut(visitor);
    let flow = match tree {
        TreeMut::Query(q) => q.visit(&mut visitor),
        TreeMut::Item(i) => i.visit(&mut visitor),
        TreeMut::Expr(e) => e.visit(&mut visitor),
    };
    outcome(flow)
}

/// Gives the body of every query in `query` to `change`, outer ones before those inside.
pub(crate) fn each_body_mut(query: &mut Query, change: fn(&mut SetExpr) -> Result<()>) -> Result<()> {
    walk_mut(TreeMut::Query(query), &mut EachBodyMut(change))
}

struct EachBodyMut(fn(&mut SetExpr) -> Result<()>);

impl VisitorMut for EachBodyMut {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        match (self.0)(&mut query.body) {
            Ok(()) => Continue(()),
            Err(e) => ControlFlow::Break(e),
        }
    }
}

/// Shows every expression of `tree` to `each`, outer ones before those inside.
pub fn each_expr(tree: Tree<'_>, each: &mut dyn FnMut(&Expr)) {
    // It never breaks off.
    let _ = walk(tree, &mut EachExpr(each));
}

/// Gives every expression of `tree` to `each`, inner ones before those around them.
pub fn each_expr_mut(tree: TreeMut<'_>, each: &mut dyn FnMut(&mut Expr)) {
    // It never breaks off.
    let _ = walk_mut(tree, &mut EachExprMut(each));
}

fn outcome(flow: ControlFlow<SqlError>) -> Result<()> {
    match flow {
        ControlFlow::Break(error) => Err(error),
        Continue(()) => Ok(()),
    }
}

struct EachExpr<'a>(&'a mut dyn FnMut(&Expr));

impl Visitor for EachExpr<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        (self.0)(expr);
        Continue(())
    }
}

struct EachExprMut<'a>(&'a mut dyn FnMut(&mut Expr));

impl VisitorMut for EachExprMut<'_> {
    type Break = SqlError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        (self.0)(expr);
        Continue(())
    }
}

struct Shared<'a>(&'a mut dyn Visitor<Break = SqlError>);

struct SharedMut<'a>(&'a mut dyn VisitorMut<Break = SqlError>);

macro_rules! forward {
    ($($node:ty: $pre:ident $post:ident),+ $(,)?) => {
        impl Visitor for Shared<'_> {
            type Break = SqlError;
            $(
                fn $pre(&mut self, node: &$node) -> ControlFlow<SqlError> {
                    self.0.$pre(node)
                }
                fn $post(&mut self, node: &$node) -> ControlFlow<SqlError> {
                    self.0.$post(node)
                }
            )+
        }

        impl VisitorMut for SharedMut<'_> {
            type Break = SqlError;
            $(
                fn $pre(&mut self, node: &mut $node) -> ControlFlow<SqlError> {
                    self.0.$pre(node)
                }
                fn $post(&mut self, node: &mut $node) -> ControlFlow<SqlError> {
                    self.0.$post(node)
                }
            )+
        }
    };
}

forward! {
    Query: pre_visit_query post_visit_query,
    Select: pre_visit_select post_visit_select,
    ObjectName: pre_visit_relation post_visit_relation,
    TableFactor: pre_visit_table_factor post_visit_table_factor,
    Expr: pre_visit_expr post_visit_expr,
    Statement: pre_visit_statement post_visit_statement,
    ValueWithSpan: pre_visit_value post_visit_value,
}
