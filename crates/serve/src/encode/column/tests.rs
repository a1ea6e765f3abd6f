use super::*;
use arrow::array::{Int32Builder, ListBuilder, StringBuilder};
use arrow::datatypes::{IntervalMonthDayNano, i256};

fn column(ty: SqlType, array: impl Array + 'static) -> Column {
    Column::new(&ty, &(Arc::new(array) as ArrayRef), Zone::Utc).expect("a column")
}

fn text_of(ty: SqlType, array: impl Array + 'static) -> Vec<Option<String>> {
    let count = array.len();
    let column = column(ty, array);
    let shown = |row| {
        let mut out = BytesMut::new();
        column.text(&mut out, row);
        String::from_utf8(out.to_vec()).expect("text")
    };
    (0..count).map(|row| (!column.is_null(row)).then(|| shown(row))).collect()
}

fn one_text(ty: SqlType, array: impl Array + 'static) -> String {
    text_of(ty, array).remove(0).expect("a value")
}

fn one_binary(ty: SqlType, array: impl Array + 'static) -> Vec<u8> {
    let mut out = BytesMut::new();
    column(ty, array).binary(&mut out, 0).expect("bytes");
    out.to_vec()
}

#[test]
fn plain_types_as_text() {
    assert_eq!(
        text_of(SqlType::Bool, BooleanArray::from(vec![Some(true), Some(false), None])),
        [Some("t".into()), Some("f".into()), None]
    );
    assert_eq!(one_text(SqlType::Int2, Int16Array::from(vec![-7])), "-7");
    assert_eq!(one_text(SqlType::Int8, Int64Array::from(vec![i64::MIN])), "-9223372036854775808");
    assert_eq!(one_text(SqlType::Oid, Int64Array::from(vec![4_000_000_000])), "4000000000");
    assert_eq!(one_text(SqlType::Float8, Float64Array::from(vec![1e20])), "1e+20");
    assert_eq!(one_text(SqlType::Text, StringViewArray::from(vec!["ü"])), "ü");
    assert_eq!(one_text(SqlType::Varchar(Some(3)), LargeStringArray::from(vec!["abc"])), "abc");
    assert_eq!(one_text(SqlType::Bytea, BinaryViewArray::from(vec![&b"\x01\xfe"[..]])), "\\x01fe");
    assert_eq!(one_text(SqlType::Void, StringViewArray::from(vec![""])), "");
    assert_eq!(text_of(SqlType::Unknown, arrow::array::NullArray::new(2)), [None, None]);
}

#[test]
fn decimals_of_both_widths() {
    let small = Decimal128Array::from(vec![-12_345]).with_precision_and_scale(12, 2).expect("a scale");
    assert_eq!(one_text(SqlType::Numeric(Some((12, 2))), small.clone()), "-123.45");
    assert_eq!(one_binary(SqlType::Numeric(Some((12, 2))), small), [0, 2, 0, 0, 0x40, 0, 0, 2, 0, 123, 0x11, 0x94]);
    let wide = Decimal256Array::from(vec![i256::MIN]).with_precision_and_scale(76, 0).expect("a scale");
    let text = "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
    assert_eq!(one_text(SqlType::Numeric(None), wide), text);
    let least = Decimal128Array::from(vec![i128::MIN]).with_precision_and_scale(38, 0).expect("a scale");
    assert_eq!(one_text(SqlType::Numeric(None), least), i128::MIN.to_string());
}

#[test]
fn times() {
    let micros = TimestampMicrosecondArray::from(vec![1_732_158_245_123_000]);
    assert_eq!(one_text(SqlType::Timestamp, micros.clone()), "2024-11-21 03:04:05.123");
    assert_eq!(one_text(SqlType::TimestampTz, micros.clone().with_timezone("UTC")), "2024-11-21 03:04:05.123+00");
    assert_eq!(one_binary(SqlType::Timestamp, micros), 785_473_445_123_000i64.to_be_bytes());
    assert_eq!(one_text(SqlType::Date, Date32Array::from(vec![10_957])), "2000-01-01");
    assert_eq!(one_binary(SqlType::Date, Date32Array::from(vec![10_958])), [0, 0, 0, 1]);
    let interval = IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3_000_000)]);
    assert_eq!(one_text(SqlType::Interval, interval.clone()), "1 mon 2 days 00:00:00.003");
    assert_eq!(one_binary(SqlType::Interval, interval), [0, 0, 0, 0, 0, 0, 0xb, 0xb8, 0, 0, 0, 2, 0, 0, 0, 1]);
    let far = Column::new(&SqlType::Date, &(Arc::new(Date32Array::from(vec![i32::MIN])) as ArrayRef), Zone::Utc);
    let error = far.expect("a column").binary(&mut BytesMut::new(), 0).expect_err("out of range");
    assert_eq!(error.code, "22008");
}

#[test]
fn text_carriers_have_binary_formats_of_their_own() {
    let one = |text: &str| StringViewArray::from(vec![text]);
    assert_eq!(one_binary(SqlType::Text, one("x")), b"x");
    assert_eq!(one_binary(SqlType::Jsonb, one("{}")), b"\x01{}");
    assert_eq!(one_binary(SqlType::Json, one("{}")), b"{}");
    assert_eq!(one_binary(SqlType::Char, one("r")), b"r");
    assert_eq!(one_binary(SqlType::Char, one("")), b"\0");
    assert_eq!(one_binary(SqlType::Uuid, one("00000000-0000-0000-0000-0000000000ff"))[15], 0xff);
    assert_eq!(one_binary(SqlType::Oid, Int64Array::from(vec![4_000_000_000])), 4_000_000_000u32.to_be_bytes());
}

#[test]
fn values_of_another_arrow_type_are_cast() {
    assert_eq!(one_binary(SqlType::Int8, Int32Array::from(vec![1])), [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(one_text(SqlType::Text, Int32Array::from(vec![1])), "1");
}

#[test]
fn arrays() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value(["a", "", "null", "b c", "q\"x\\", "{,}"].map(Some));
    list.append_value([None, Some("z")]);
    list.append_value([None::<&str>; 0]);
    list.append_null();
    let texts = text_of(SqlType::Array(Box::new(SqlType::Text)), list.finish());
    assert_eq!(texts[0].as_deref(), Some(r#"{a,"","null","b c","q\"x\\","{,}"}"#));
    assert_eq!(texts[1].as_deref(), Some("{NULL,z}"));
    assert_eq!(texts[2].as_deref(), Some("{}"));
    assert_eq!(texts[3], None);
}

#[test]
fn binary_arrays_have_dimensions_and_elements() {
    let ints = SqlType::Array(Box::new(SqlType::Int4));
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(5), None]);
    let bytes = one_binary(ints.clone(), list.finish());
    let expected = [
        &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1][..],
        &[0, 0, 0, 4, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff],
    ];
    assert_eq!(bytes, expected.concat());

    let mut empty = ListBuilder::new(Int32Builder::new());
    empty.append_value([None::<i32>; 0]);
    assert_eq!(one_binary(ints.clone(), empty.finish()), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23]);

    let mut nested = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    nested.values().append_value([Some(1), Some(2)]);
    nested.values().append_value([Some(3), Some(4)]);
    nested.append(true);
    let nested = nested.finish();
    assert_eq!(one_text(ints.clone(), nested.clone()), "{{1,2},{3,4}}");
    let bytes = one_binary(ints.clone(), nested);
    assert_eq!(bytes[..28], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1]);

    let mut ragged = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    ragged.values().append_value([Some(1), Some(2)]);
    ragged.values().append_value([Some(3)]);
    ragged.append(true);
    let error = column(ints, ragged.finish()).binary(&mut BytesMut::new(), 0).expect_err("ragged");
    assert_eq!(error.code, "2202E");
}
