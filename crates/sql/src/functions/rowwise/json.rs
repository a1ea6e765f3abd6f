//! Lists of what is in a json value.

use super::{Cell, Spec, Ty, spec, text};
use crate::functions::json::parts::{Kind, elements, members, shown, unquoted};
use crate::{Result, SqlError};

pub(super) const SPECS: &[Spec] = &[
    spec("json_list_elements", &[Ty::Text], Ty::Texts, |c| in_array(text(c, 0), "json_array_elements", whole)),
    spec("jsonb_list_elements", &[Ty::Text], Ty::Texts, |c| in_array(text(c, 0), "", whole)),
    spec("json_list_elements_text", &[Ty::Text], Ty::Texts, |c| {
        in_array(text(c, 0), "json_array_elements_text", shown)
    }),
    spec("jsonb_list_elements_text", &[Ty::Text], Ty::Texts, |c| in_array(text(c, 0), "", shown)),
    spec("json_list_keys", &[Ty::Text], Ty::Texts, |c| keys(text(c, 0), "json_object_keys")),
    spec("jsonb_list_keys", &[Ty::Text], Ty::Texts, |c| keys(text(c, 0), "jsonb_object_keys")),
    spec("json_list_pairs", &[Ty::Text], Ty::Texts, |c| pairs(text(c, 0), "json_each")),
    spec("jsonb_list_pairs", &[Ty::Text], Ty::Texts, |c| pairs(text(c, 0), "jsonb_each")),
    spec("json_list_whole", &[Ty::Text], Ty::Texts, row).nulls(),
    spec("jsonb_list_whole", &[Ty::Text], Ty::Texts, row).nulls(),
];

/// Of NULL too.
fn row(cells: &[Cell]) -> Result<Cell> {
    let value = if let Cell::Text(text) = &cells[0] { Some(text.clone()) } else { None };
    Ok(Cell::Texts(vec![value]))
}

fn whole(element: &str) -> Result<Option<String>> {
    Ok(Some(element.to_string()))
}

/// json names the function that it was called by, jsonb what it found.
fn in_array(json: &str, called: &str, each: fn(&str) -> Result<Option<String>>) -> Result<Cell> {
    let json = json.trim_start();
    let found = match Kind::of(json) {
        Kind::Array => return Ok(Cell::Texts(elements(json).map(each).collect::<Result<_>>()?)),
        Kind::Object if called.is_empty() => "cannot extract elements from an object".to_string(),
        _ if called.is_empty() => "cannot extract elements from a scalar".to_string(),
        Kind::Object => format!("cannot call {called} on a non-array"),
        _ => format!("cannot call {called} on a scalar"),
    };
    Err(SqlError::new("22023", found))
}

fn object<'a>(json: &'a str, called: &str) -> Result<impl Iterator<Item = (&'a str, &'a str)>> {
    let json = json.trim_start();
    let found = match Kind::of(json) {
        Kind::Object => return Ok(members(json)),
        Kind::Array if called.ends_with("keys") => "an array",
        _ if called.ends_with("keys") => "a scalar",
        _ => "a non-object",
    };
    Err(SqlError::new("22023", format!("cannot call {called} on {found}")))
}

fn keys(json: &str, called: &str) -> Result<Cell> {
    let keys = object(json, called)?.map(|(key, _)| unquoted(key).map(Some));
    Ok(Cell::Texts(keys.collect::<Result<_>>()?))
}

/// Each member as an array of its key and its value.
fn pairs(json: &str, called: &str) -> Result<Cell> {
    Ok(Cell::Texts(object(json, called)?.map(|(key, value)| Some(format!("[{key}, {value}]"))).collect()))
}
