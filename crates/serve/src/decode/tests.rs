use super::*;
use crate::encode::column::Column;
use arrow::array::ArrayRef;
use bytes::BytesMut;

fn text(ty: SqlType, text: &str) -> Result<ScalarValue, SqlError> {
    parameter(&ty, Format::Text, Some(text.as_bytes()), Zone::Utc)
}

/// Reads a text and writes it again.
fn echo(ty: SqlType, value: &str) -> String {
    shown(&ty, text(ty.clone(), value).unwrap_or_else(|e| panic!("{value}: {e}")))
}

fn shown(ty: &SqlType, value: ScalarValue) -> String {
    let array: ArrayRef = value.to_array().expect("an array");
    let column = Column::new(ty, &array, Zone::Utc).expect("a column");
    let mut out = BytesMut::new();
    column.text(&mut out, 0);
    String::from_utf8(out.to_vec()).expect("text")
}

/// Reads a text, writes it in binary, reads that, and writes it as text.
fn through_binary(ty: SqlType, value: &str) -> String {
    let array: ArrayRef = text(ty.clone(), value).expect("a value").to_array().expect("an array");
    let mut out = BytesMut::new();
    Column::new(&ty, &array, Zone::Utc).expect("a column").cell(&mut out, 0, Format::Binary).expect("bytes");
    let back = parameter(&ty, Format::Binary, Some(&out[4..]), Zone::Utc).unwrap_or_else(|e| panic!("{value}: {e}"));
    shown(&ty, back)
}

fn code(ty: SqlType, value: &str) -> String {
    text(ty, value).expect_err("refused").code
}

fn list(element: SqlType) -> SqlType {
    SqlType::Array(Box::new(element))
}

#[test]
fn what_comes_in_goes_out() {
    for (ty, value) in [
        (SqlType::Bool, "t"),
        (SqlType::Int2, "-32768"),
        (SqlType::Int4, "42"),
        (SqlType::Int8, "9223372036854775807"),
        (SqlType::Oid, "4294967295"),
        (SqlType::Float4, "1.5"),
        (SqlType::Float8, "-0"),
        (SqlType::Numeric(None), "12345678901234567890.123456789"),
        (SqlType::Numeric(None), "-0.00010"),
        (SqlType::Numeric(None), "0.00"),
        (SqlType::Numeric(None), "100000000"),
        (SqlType::Numeric(None), "1234567890123456789012345678901234567890.5"),
        (SqlType::Text, "grüße"),
        (SqlType::Varchar(None), ""),
        (SqlType::Name, "pg_class"),
        (SqlType::Char, "r"),
        (SqlType::Date, "0044-03-15 BC"),
        (SqlType::Timestamp, "2024-02-29 23:59:59.000001"),
        (SqlType::TimestampTz, "1999-12-31 23:59:59.5+00"),
        (SqlType::Interval, "-1 years -2 mons +3 days -04:05:06.7"),
        (SqlType::Uuid, "00112233-4455-6677-8899-aabbccddeeff"),
        (SqlType::Bytea, "\\x00ff10"),
        (SqlType::Json, "{\"a\": 1}"),
        (SqlType::Jsonb, "[1, 2]"),
        (list(SqlType::Int4), "{1,NULL,3}"),
        (list(SqlType::Text), "{a,\"\",\"NULL\",\"b \\\"c\",NULL}"),
        (list(SqlType::Int8), "{{1,2},{3,4}}"),
        (list(SqlType::Numeric(None)), "{1.50,20.25}"),
        (list(SqlType::Date), "{}"),
    ] {
        assert_eq!(echo(ty.clone(), value), value, "{ty:?} as text");
        assert_eq!(through_binary(ty.clone(), value), value, "{ty:?} in binary");
    }
}

#[test]
fn other_spellings_are_understood() {
    for (ty, value, usual) in [
        (SqlType::Bool, " Yes ", "t"),
        (SqlType::Bool, "off", "f"),
        (SqlType::Int4, " +7 ", "7"),
        (SqlType::Float8, "Infinity", "Infinity"),
        (SqlType::Float8, "-inf", "-Infinity"),
        (SqlType::Float8, "nan", "NaN"),
        (SqlType::Numeric(None), "1.5e-3", "0.0015"),
        (SqlType::Numeric(None), "1.5E3", "1500"),
        (SqlType::Numeric(None), ".5", "0.5"),
        (SqlType::Numeric(None), "+007.", "7"),
        (SqlType::Date, "20240131", "2024-01-31"),
        (SqlType::Date, "2024-1-2", "2024-01-02"),
        (SqlType::Date, "2024-01-31 10:00", "2024-01-31"),
        (SqlType::Timestamp, "2024-01-31", "2024-01-31 00:00:00"),
        (SqlType::Timestamp, "2024-01-31T10:00:00.1234567+02", "2024-01-31 10:00:00.123457"),
        (SqlType::Timestamp, "2024-01-31 24:00", "2024-02-01 00:00:00"),
        (SqlType::TimestampTz, "2024-07-01 12:00:00+02", "2024-07-01 10:00:00+00"),
        (SqlType::TimestampTz, "2024-07-01T12:00:00Z", "2024-07-01 12:00:00+00"),
        (SqlType::TimestampTz, "2024-07-01 12:00 Europe/Berlin", "2024-07-01 10:00:00+00"),
        (SqlType::TimestampTz, "0044-03-15 00:00:00+00 BC", "0044-03-15 00:00:00+00 BC"),
        (SqlType::TimestampTz, "epoch", "1970-01-01 00:00:00+00"),
        (SqlType::Interval, "1.5 years", "1 year 6 mons"),
        (SqlType::Interval, "1.55 years", "1 year 7 mons"),
        (SqlType::Interval, "1.25 months", "1 mon 7 days 12:00:00"),
        (SqlType::Interval, "1.5 weeks", "10 days 12:00:00"),
        (SqlType::Interval, "-1.5 mons", "-1 mons -15 days"),
        (SqlType::Interval, "P1Y2M3DT4H5M6.7S", "1 year 2 mons 3 days 04:05:06.7"),
        (SqlType::Interval, "@ 1 day 2 hours ago", "-1 days -02:00:00"),
        (SqlType::Interval, "1 day 05:06.7", "1 day 00:05:06.7"),
        (SqlType::Interval, "1 day -00:00:01", "1 day -00:00:01"),
        (SqlType::Interval, "1-2", "1 year 2 mons"),
        (SqlType::Interval, "10", "00:00:10"),
        (SqlType::Uuid, "{00112233445566778899AABBCCDDEEFF}", "00112233-4455-6677-8899-aabbccddeeff"),
        (SqlType::Bytea, "a\\\\b\\001", "\\x615c6201"),
        (list(SqlType::Text), "{ a b , \"c\" }", "{\"a b\",c}"),
        (list(SqlType::Numeric(None)), "{1,NULL,2.25}", "{1.00,NULL,2.25}"),
    ] {
        assert_eq!(echo(ty, value), usual, "{value}");
    }
}

#[test]
fn local_times_are_those_of_the_session() {
    let zone = Zone::parse("Europe/Berlin").expect("a zone");
    let value = parameter(&SqlType::TimestampTz, Format::Text, Some(b"2024-07-01 12:00"), zone).expect("a value");
    assert_eq!(shown(&SqlType::TimestampTz, value), "2024-07-01 10:00:00+00");
}

#[test]
fn what_is_no_value_is_refused() {
    for (ty, value, sqlstate) in [
        (SqlType::Bool, "o", "22P02"),
        (SqlType::Int4, "1.5", "22P02"),
        (SqlType::Int4, "", "22P02"),
        (SqlType::Int2, "40000", "22003"),
        (SqlType::Float8, "1e400", "22003"),
        (SqlType::Float4, "1e-60", "22003"),
        (SqlType::Float8, "one", "22P02"),
        (SqlType::Numeric(None), "1..5", "22P02"),
        (SqlType::Numeric(None), "NaN", "0A000"),
        (SqlType::Numeric(None), "1e77", "22003"),
        (SqlType::Numeric(None), "1e-9999", "22003"),
        (SqlType::Date, "2023-02-29", "22008"),
        (SqlType::Date, "yesterday", "22007"),
        (SqlType::Date, "0000-01-01", "22008"),
        (SqlType::Date, "4714-11-23 BC", "22008"),
        (SqlType::Timestamp, "2024-01-01 25:00", "22008"),
        (SqlType::Timestamp, "2024-01-01 1:2:3:4", "22007"),
        (SqlType::Timestamp, "999999-01-01", "22008"),
        (SqlType::TimestampTz, "2024-01-01 10:00 Middle/Earth", "22023"),
        (SqlType::TimestampTz, "2024-01-01 10:00+99", "22007"),
        (SqlType::TimestampTz, "infinity", "0A000"),
        (SqlType::Interval, "1 parsec", "22007"),
        (SqlType::Interval, "", "22007"),
        (SqlType::Interval, "9999999999 years", "22008"),
        (SqlType::Uuid, "0011", "22P02"),
        (SqlType::Bytea, "\\x0", "22023"),
        (SqlType::Bytea, "\\9", "22P02"),
        (list(SqlType::Int4), "{1,2", "22P02"),
        (list(SqlType::Int4), "{1,x}", "22P02"),
        (list(SqlType::Int4), "{{1},{2,3}}", "22P02"),
        (list(SqlType::Int4), "{{1},2}", "22P02"),
        (list(SqlType::Int4), "{1,{2},{3}}", "22P02"),
        (list(SqlType::Int4), "{1}}", "22P02"),
        (list(SqlType::Int4), "1", "22P02"),
        (SqlType::Text, "a\0b", "22021"),
    ] {
        assert_eq!(code(ty.clone(), value), sqlstate, "{ty:?} {value}");
    }
    let not_utf8 = parameter(&SqlType::Text, Format::Text, Some(b"\xff"), Zone::Utc);
    assert_eq!(not_utf8.expect_err("refused").code, "22021");
}

#[test]
fn null_has_the_type_of_its_parameter() {
    let null = parameter(&SqlType::Int8, Format::Binary, None, Zone::Utc);
    assert_eq!(null, Ok(ScalarValue::Int64(None)));
}

#[test]
fn bytes_that_lie_are_refused() {
    let types = [
        SqlType::Bool,
        SqlType::Int4,
        SqlType::Numeric(None),
        SqlType::Date,
        SqlType::Interval,
        SqlType::Uuid,
        SqlType::Jsonb,
        list(SqlType::Int4),
    ];
    for ty in &types {
        for length in [0, 2, 3, 5, 9, 11, 17] {
            let bytes = vec![0x7f; length];
            let error = parameter(ty, Format::Binary, Some(&bytes), Zone::Utc).expect_err("refused");
            assert!(["22P03", "0A000"].contains(&error.code.as_str()), "{ty:?}: {error:?}");
        }
    }
    // One dimension of two thousand million elements.
    let huge = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1];
    let error = parameter(&list(SqlType::Int4), Format::Binary, Some(&huge), Zone::Utc).expect_err("refused");
    assert_eq!(error.code, "22P03");
    let infinity = parameter(&SqlType::Date, Format::Binary, Some(&i32::MAX.to_be_bytes()), Zone::Utc);
    assert_eq!(infinity.expect_err("refused").code, "22008");
}

#[test]
fn arrays_of_a_cousin_type_keep_it() {
    // int4[] for int8[], as some drivers send it.
    let bytes = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9];
    let value = parameter(&list(SqlType::Int8), Format::Binary, Some(&bytes), Zone::Utc).expect("a value");
    assert_eq!(shown(&list(SqlType::Int8), value), "{9}");
}
