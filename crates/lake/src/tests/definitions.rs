use super::*;
use arrow::array::{Decimal128Array, Float32Array, Int16Array};

#[test]
fn lake_columns_change_under_rows() {
    let mut test = TestLake::new("columns");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1, 2]);
    let file = file_of(&test, t, &[10, 11]);
    test.change(TableChange { table_id: t, inserts: vec![RowInsert::File(file)], ..TableChange::default() });
    let before = test.lake.state().snapshot;
    let added = ColumnInfo {
        initial_default: Some("7.50".to_string()),
        default: Default::Literal("7.50".to_string()),
        ..ColumnInfo::new(3, "price", LakeType::Decimal { precision: 12, scale: 2 })
    };
    test.ddl(vec![
        Ddl::AddColumn { table_id: t, column: added },
        Ddl::RenameColumn { table_id: t, column_id: 2, name: "name".to_string() },
        Ddl::SetType { table_id: t, column_id: 1, ty: LakeType::Int64 },
    ]);
    test.check();
    let table = test.table(t);
    assert_eq!(contents(&table).values().next().unwrap()[2], "7.50");
    assert_eq!(table.info.inlined_tables.len(), 2);
    assert_eq!(table.info.schema.field(0).data_type(), &arrow::datatypes::DataType::Int64);
    test.delete(t, &[0, 2]);
    test.ddl(vec![Ddl::DropColumn { table_id: t, column_id: 2 }]);
    test.ddl(vec![Ddl::AddColumn { table_id: t, column: ColumnInfo::new(4, "name", LakeType::Date) }]);
    test.check();
    assert_eq!(
        contents(&test.table(t)).into_values().collect::<Vec<_>>(),
        [["2", "7.50", "NULL"], ["11", "7.50", "NULL"]]
    );
    let reader = test.lake.reader().unwrap();
    let old = Arc::clone(&reader.state_at(before).unwrap().tables[&t]);
    assert_eq!(keys(&old), ["1", "2", "10", "11"]);
    assert_eq!(old.info.columns.len(), 2);
}

#[test]
fn lake_one_commit_keeps_net_effects() {
    let mut test = TestLake::new("net");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1]);
    let (new, gone) = (t + 1, t + 2);
    let create = |id, name: &str| Ddl::CreateTable { id, schema_id: 0, name: name.to_string(), columns: kv_columns() };
    let ddl = vec![
        Ddl::RenameTable { id: t, name: "old".to_string() },
        create(new, "t"),
        Ddl::AddColumn { table_id: new, column: ColumnInfo::new(3, "x", LakeType::Boolean) },
        Ddl::RenameColumn { table_id: new, column_id: 3, name: "y".to_string() },
        Ddl::DropColumn { table_id: new, column_id: 3 },
        create(gone, "gone"),
        Ddl::DropTable { id: gone },
    ];
    let insert = RowInsert::Inline { rows: kv(&[5]), row_ids: vec![0].into() };
    let change = TableChange { table_id: new, inserts: vec![insert], ..TableChange::default() };
    let snapshot = test.lake.commit(Commit { ddl, changes: vec![change], ..Commit::default() }).unwrap();
    assert_eq!(keys(test.lake.state().table("main", "t").unwrap()), ["5"]);
    assert_eq!(keys(test.lake.state().table("main", "old").unwrap()), ["1"]);
    test.check();
    let changes =
        query(&test, &format!("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id = {snapshot}"));
    assert_eq!(changes, [r#"created_table:"main"."old",created_table:"main"."t",altered_table:2,inlined_insert:2"#]);
    for table in ["ducklake_table", "ducklake_column"] {
        assert!(query(&test, &format!("SELECT * FROM {table} WHERE begin_snapshot = end_snapshot")).is_empty());
    }
    assert_eq!(query(&test, "SELECT count(*) FROM ducklake_column WHERE table_id = 3 OR column_id = 3"), ["0"]);
}

#[test]
fn lake_schemas_and_names() {
    let mut test = TestLake::new("schemas");
    let id = test.lake.state().next_catalog_id;
    let odd = "we ird\"T".to_string();
    let columns = vec![ColumnInfo::new(1, "ä \"q\"", LakeType::Int32)];
    test.ddl(vec![
        Ddl::CreateSchema { id, name: "gold".to_string() },
        Ddl::CreateTable { id: id + 1, schema_id: id, name: odd.clone(), columns: columns.clone() },
    ]);
    let k: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter_with_nullable([("k", k, true)]).unwrap();
    let insert = RowInsert::Inline { rows: rows.clone(), row_ids: vec![0].into() };
    let file = test.lake.write_file(&test.table(id + 1).info, [Ok::<_, LakeError>((rows, None))].into_iter()).unwrap();
    let inserts = vec![insert, RowInsert::File(file)];
    test.change(TableChange { table_id: id + 1, inserts, ..TableChange::default() });
    test.check();
    assert_eq!(keys(test.lake.state().table("gold", &odd).unwrap()), ["1", "1"]);

    let mut refused = |ddl: Ddl| test.lake.commit(Commit { ddl: vec![ddl], ..Commit::default() }).unwrap_err();
    let create = |name: &str, columns| Ddl::CreateTable { id: id + 2, schema_id: id, name: name.to_string(), columns };
    assert!(matches!(refused(create("WE ird\"T", kv_columns())), LakeError::NameTaken { .. }));
    let reserved = vec![ColumnInfo::new(1, "Row_Id", LakeType::Int32)];
    assert!(matches!(refused(create("t", reserved)), LakeError::ReservedName(_)));
    let twice = vec![ColumnInfo::new(1, "a", LakeType::Int32), ColumnInfo::new(2, "A", LakeType::Int32)];
    assert!(matches!(refused(create("t", twice)), LakeError::NameTaken { .. }));
    assert!(matches!(refused(Ddl::DropSchema { id }), LakeError::SchemaNotEmpty(_)));
    let narrow = Ddl::SetType { table_id: id + 1, column_id: 1, ty: LakeType::Int16 };
    assert!(matches!(refused(narrow), LakeError::Narrowing { .. }));
    assert!(matches!(refused(Ddl::CreateSchema { id: 1, name: "x".to_string() }), LakeError::IdTaken { .. }));

    test.ddl(vec![Ddl::DropTable { id: id + 1 }, Ddl::DropSchema { id }]);
    test.check();
    assert_eq!(test.lake.state().tables.len(), 0);
    let reader = test.lake.reader().unwrap();
    assert_eq!(reader.state_at(2).unwrap().table("gold", &odd).unwrap().live_rows(), 2);
}

#[test]
fn lake_nulls_and_defaults_are_kept() {
    let mut test = TestLake::new("defaults");
    let mut columns = kv_columns();
    columns[0].nulls_allowed = false;
    columns[1].default = Default::Literal("NULL".to_string());
    let t = test.create("t", columns);
    let k: ArrayRef = Arc::new(Int32Array::from(vec![None]));
    let v: ArrayRef = Arc::new(StringViewArray::from(vec!["x"]));
    let rows = RecordBatch::try_from_iter_with_nullable([("k", k, true), ("v", v, true)]).unwrap();
    let insert = RowInsert::Inline { rows, row_ids: vec![0].into() };
    let change = TableChange { table_id: t, inserts: vec![insert], ..TableChange::default() };
    let commit = Commit { changes: vec![change.clone()], ..Commit::default() };
    assert_eq!(test.lake.commit(commit).unwrap_err().to_string(), "column k of table t does not allow NULL");
    test.ddl(vec![
        Ddl::SetNullsAllowed { table_id: t, column_id: 1, allowed: true },
        Ddl::SetDefault { table_id: t, column_id: 1, default: Default::Expression("1 + 2".to_string()) },
    ]);
    test.change(change);
    assert_eq!(query(&test, "SELECT count(*) FROM ducklake_inlined_data_tables"), ["1"]);
    let again = Lake::open(&test.dir).unwrap();
    let info = &again.state().tables[&t].info;
    assert_eq!(info.columns[0].default, Default::Expression("1 + 2".to_string()));
    assert_eq!(info.columns[1].default, Default::Expression("'NULL'".to_string()));
    assert!(info.columns[0].nulls_allowed);
}

#[test]
fn lake_types_widen() {
    let mut test = TestLake::new("widen");
    let types = [LakeType::Int16, LakeType::Float32, LakeType::Decimal { precision: 4, scale: 1 }, LakeType::Int32];
    let columns = types.into_iter().enumerate().map(|(i, ty)| ColumnInfo::new(i as i64 + 1, format!("c{i}"), ty));
    let t = test.create("t", columns.collect());
    let decimal = Decimal128Array::from(vec![-15, 99, 9999]).with_precision_and_scale(4, 1).unwrap();
    let arrays: [ArrayRef; 4] = [
        Arc::new(Int16Array::from(vec![-3, 9, 1000])),
        Arc::new(Float32Array::from(vec![0.1, 0.7, f32::NAN])),
        Arc::new(decimal),
        Arc::new(Int32Array::from(vec![-3, 9, 1000])),
    ];
    let names = arrays.iter().enumerate().map(|(i, a)| (format!("c{i}"), Arc::clone(a), true));
    let rows = RecordBatch::try_from_iter_with_nullable(names).unwrap();
    let file =
        test.lake.write_file(&test.table(t).info, [Ok::<_, LakeError>((rows.clone(), None))].into_iter()).unwrap();
    let inserts = vec![new_rows(&test.table(t), rows), RowInsert::File(file)];
    test.change(TableChange { table_id: t, inserts, ..TableChange::default() });
    let wider = [
        LakeType::Int64,
        LakeType::Float64,
        LakeType::Decimal { precision: 12, scale: 3 },
        LakeType::Decimal { precision: 12, scale: 2 },
    ];
    let set = |(i, ty)| Ddl::SetType { table_id: t, column_id: i as i64 + 1, ty };
    test.ddl(wider.into_iter().enumerate().map(set).collect());
    test.check();
    let all = contents(&test.table(t));
    assert_eq!(all[&0], ["-3", "0.10000000149011612", "-1.500", "-3.00"]);
    assert_eq!(all.range(..3).map(|r| r.1).collect::<Vec<_>>(), all.range(3..).map(|r| r.1).collect::<Vec<_>>());
}

fn file_of(test: &TestLake, id: i64, keys: &[i32]) -> WrittenFile {
    let batches = [Ok::<_, LakeError>((kv(keys), None))];
    test.lake.write_file(&test.table(id).info, batches.into_iter()).unwrap()
}

#[test]
fn lake_columns_look_before_the_commit_as_after() {
    let mut test = TestLake::new("before");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1, 2]);
    let file = file_of(&test, t, &[10, 11]);
    test.change(TableChange { table_id: t, inserts: vec![RowInsert::File(file)], ..TableChange::default() });
    let added = ColumnInfo {
        initial_default: Some("2024-02-29".to_string()),
        ..ColumnInfo::new(test.table(t).info.next_column_id, "day", LakeType::Date)
    };
    let mut columns = test.table(t).info.columns.clone();
    columns.remove(1);
    columns[0].name = "key".to_string();
    columns.push(added.clone());
    let before = test.table(t).with_columns(columns).unwrap();
    assert_eq!(keys(&test.table(t)), ["1", "2", "10", "11"]);
    test.ddl(vec![
        Ddl::DropColumn { table_id: t, column_id: 2 },
        Ddl::RenameColumn { table_id: t, column_id: 1, name: "key".to_string() },
        Ddl::AddColumn { table_id: t, column: added },
    ]);
    test.check();
    let after = test.table(t);
    assert_eq!(contents(&before), contents(&after));
    assert_eq!(before.info.columns, after.info.columns);
    assert_eq!(before.info.next_column_id, after.info.next_column_id);
}

#[test]
fn lake_defaults_are_what_their_texts_say() {
    use arrow::array::{
        BinaryViewArray, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray,
    };
    let decimal = Decimal128Array::from(vec![-150]).with_precision_and_scale(8, 2).unwrap();
    let time = TimestampMicrosecondArray::from(vec![-1_500_000]);
    let values: [(LakeType, ArrayRef, &str); 9] = [
        (LakeType::Int64, Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
        (LakeType::Float64, Arc::new(Float64Array::from(vec![0.1])), "0.1"),
        (LakeType::Float64, Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])), "-inf"),
        (LakeType::Decimal { precision: 8, scale: 2 }, Arc::new(decimal), "-1.50"),
        (LakeType::Varchar, Arc::new(StringViewArray::from(vec!["it's"])), "it's"),
        (LakeType::Boolean, Arc::new(BooleanArray::from(vec![false])), "false"),
        (LakeType::Date, Arc::new(Date32Array::from(vec![19_782])), "2024-02-29"),
        (LakeType::Timestamp, Arc::new(time.clone()), "1969-12-31 23:59:58.5"),
        (LakeType::TimestampTz, Arc::new(time.with_timezone("UTC")), "1969-12-31 23:59:58.5+00"),
    ];
    for (ty, array, text) in values {
        let found = crate::default_text(&ty, &array);
        assert_eq!(found.as_deref(), Some(text));
        let column = ColumnInfo { initial_default: found, ..ColumnInfo::new(1, "c", ty) };
        assert_eq!(&crate::catalog::initial_values(&column, 1).unwrap(), &array);
    }
    let none = |ty: LakeType, array: ArrayRef| assert_eq!(crate::default_text(&ty, &array), None);
    none(LakeType::Varchar, Arc::new(StringViewArray::from(vec!["NULL"])));
    none(LakeType::Blob, Arc::new(BinaryViewArray::from_iter_values([b"x"])));
    none(LakeType::Int32, Arc::new(Int32Array::from(vec![None])));
}
