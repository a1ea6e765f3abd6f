use super::*;
use arrow::array::{
    BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    TimestampMicrosecondArray,
};

fn columns() -> Vec<ColumnInfo> {
    let types = [
        LakeType::Int16,
        LakeType::Int32,
        LakeType::Int64,
        LakeType::Float32,
        LakeType::Float64,
        LakeType::Decimal { precision: 4, scale: 1 },
        LakeType::Decimal { precision: 12, scale: 2 },
        LakeType::Decimal { precision: 20, scale: 0 },
        LakeType::Decimal { precision: 38, scale: 10 },
        LakeType::Varchar,
        LakeType::Json,
        LakeType::Uuid,
        LakeType::Blob,
        LakeType::Boolean,
        LakeType::Date,
        LakeType::Timestamp,
        LakeType::TimestampTz,
    ];
    types.into_iter().enumerate().map(|(i, ty)| ColumnInfo::new(i as i64 + 1, format!("c{}", i + 1), ty)).collect()
}

fn decimal(precision: u8, scale: i8, values: [i128; 3]) -> ArrayRef {
    let values = values.map(Some).into_iter().chain([None]).collect::<Decimal128Array>();
    Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
}

/// Small, large and odd values, and a row of NULLs.
fn rows(columns: &[ColumnInfo]) -> RecordBatch {
    let max38 = 10i128.pow(38) - 1;
    let stamps =
        || TimestampMicrosecondArray::from(vec![Some(-500_000), Some(253_402_300_799_999_999), Some(i64::MAX), None]);
    let text = ["", "héllo 'q' \\ \n \"x\" and more than twelve bytes", "Z"].map(Some).into_iter().chain([None]);
    let json = [r#"{"a": [1,2]}"#, "null", "\"s\""].map(Some).into_iter().chain([None]);
    let uuid = [
        "00000000-0000-0000-0000-000000000001",
        "FFFFFFFF-ffff-ffff-ffff-ffffffffffff",
        "550e8400-e29b-41d4-a716-446655440000",
    ];
    let blob: [Option<&[u8]>; 4] = [Some(b"\x00\xffA"), Some(b""), Some(b"a longer one than twelve"), None];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int16Array::from(vec![Some(i16::MIN), Some(i16::MAX), Some(0), None])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), Some(0), None])),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), Some(0), None])),
        Arc::new(Float32Array::from(vec![Some(1.5), Some(f32::NAN), Some(f32::NEG_INFINITY), None])),
        Arc::new(Float64Array::from(vec![Some(0.1), Some(1e300), Some(f64::NAN), None])),
        decimal(4, 1, [-9999, 9999, 5]),
        decimal(12, 2, [-123_456_789_012, 999_999_999_999, -5]),
        decimal(20, 0, [-(10i128.pow(20) - 1), 10i128.pow(20) - 1, 0]),
        decimal(38, 10, [max38, -max38, 1]),
        Arc::new(text.collect::<StringViewArray>()),
        Arc::new(json.collect::<StringViewArray>()),
        Arc::new(uuid.map(Some).into_iter().chain([None]).collect::<StringViewArray>()),
        Arc::new(blob.into_iter().collect::<BinaryViewArray>()),
        Arc::new(BooleanArray::from(vec![Some(false), Some(true), Some(true), None])),
        Arc::new(Date32Array::from(vec![Some(-1), Some(2_932_896), Some(i32::MAX), None])),
        Arc::new(stamps()),
        Arc::new(stamps().with_timezone("UTC")),
    ];
    let fields = columns.iter().zip(arrays).map(|(c, a)| (c.name.clone(), a, true));
    RecordBatch::try_from_iter_with_nullable(fields).unwrap()
}

#[test]
fn lake_every_type_round_trips() {
    let mut test = TestLake::new("types");
    let columns = columns();
    let t = test.create("ty", columns.clone());
    let rows = rows(&columns);
    let (inlined, _) = {
        let insert = new_rows(&test.table(t), rows.clone());
        let snapshot = test.change(TableChange { table_id: t, inserts: vec![insert], ..TableChange::default() });
        (contents(&test.table(t)), snapshot)
    };
    test.check();
    let file =
        test.lake.write_file(&test.table(t).info, [Ok::<_, LakeError>((rows.clone(), None))].into_iter()).unwrap();
    test.change(TableChange { table_id: t, inserts: vec![RowInsert::File(file)], ..TableChange::default() });
    test.check();
    let all = contents(&test.table(t));
    let (first, second) =
        (all.range(..4).map(|r| r.1).collect::<Vec<_>>(), all.range(4..).map(|r| r.1).collect::<Vec<_>>());
    assert_eq!(first, inlined.values().collect::<Vec<_>>());
    assert_eq!(first, second, "a file gives back what the catalog does");
    let point = test.table(t).rows(&[1, 5], None).unwrap();
    assert_eq!(texts(&point)[0], texts(&point)[1]);
    assert_eq!(texts(&point)[0][11], "ffffffff-ffff-ffff-ffff-ffffffffffff", "uuids are canonical");
    let stats = query(
        &test,
        "SELECT column_id, contains_null, contains_nan, min_value, max_value FROM ducklake_table_column_stats",
    );
    assert_eq!(stats[3], "4|1|1|-inf|nan");
    assert_eq!(stats[6], "7|1|NULL|-1234567890.12|9999999999.99");
    assert_eq!(stats[12], "14|1|NULL|false|true", "blobs have none");
    assert_eq!(stats[14], "16|1|NULL|1969-12-31 23:59:59.5|infinity");
    assert_eq!(stats.len(), 16);
}

#[test]
fn lake_refuses_values_that_are_none() {
    let mut test = TestLake::new("values");
    let t = test.create("t", vec![ColumnInfo::new(1, "u", LakeType::Uuid)]);
    let u: ArrayRef = Arc::new(StringViewArray::from(vec!["no uuid"]));
    let rows = RecordBatch::try_from_iter_with_nullable([("u", u, true)]).unwrap();
    let insert = RowInsert::Inline { rows, row_ids: vec![0].into() };
    let change = TableChange { table_id: t, inserts: vec![insert], ..TableChange::default() };
    let error = test.lake.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap_err();
    assert_eq!(error.to_string(), "\"no uuid\" is no uuid");
    let column = ColumnInfo { initial_default: Some("x".to_string()), ..ColumnInfo::new(2, "d", LakeType::Date) };
    let ddl = vec![Ddl::AddColumn { table_id: t, column }];
    assert!(test.lake.commit(Commit { ddl, ..Commit::default() }).is_err());
    test.check();
}

#[test]
fn lake_type_names_round_trip() {
    for column in columns() {
        assert_eq!(LakeType::parse(&column.ty.name()), column.ty);
    }
    assert_eq!(LakeType::parse("decimal(39,0)"), LakeType::Other("decimal(39,0)".to_string()));
    assert!(LakeType::Int32.widens_to(&LakeType::Decimal { precision: 12, scale: 2 }));
    assert!(!LakeType::Int32.widens_to(&LakeType::Decimal { precision: 11, scale: 2 }));
    assert!(!LakeType::Int64.widens_to(&LakeType::Float64));
}
