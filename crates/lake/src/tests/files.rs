use super::*;
use arrow::array::AsArray;

fn write(test: &TestLake, id: i64, keys: &[i32], row_ids: Option<Vec<i64>>) -> WrittenFile {
    let mut from = 0;
    let parts = keys.chunks(1000).map(|keys| {
        let ids = row_ids.as_ref().map(|ids| Int64Array::from(ids[from..from + keys.len()].to_vec()));
        from += keys.len();
        Ok::<_, LakeError>((kv(keys), ids))
    });
    test.lake.write_file(&test.table(id).info, parts).unwrap()
}

fn add(test: &mut TestLake, id: i64, file: WrittenFile) -> i64 {
    test.change(TableChange { table_id: id, inserts: vec![RowInsert::File(file)], ..TableChange::default() })
}

#[test]
fn lake_files_hold_rows() {
    let mut test = TestLake::new("files");
    let t = test.create("t", kv_columns());
    test.insert(t, &[-1]);
    let file = write(&test, t, &(0..20_000).collect::<Vec<_>>(), None);
    assert_eq!(file.rows(), 20_000);
    let s = add(&mut test, t, file);
    assert_eq!(test.table(t).next_row_id, 20_001);
    test.delete(t, &[1, 5001, 20_000]);
    let update = RowInsert::Inline { rows: kv(&[77]), row_ids: vec![100].into() };
    test.change(TableChange { table_id: t, deletes: vec![100], inserts: vec![update], truncate: false });
    test.check();

    let table = test.table(t);
    assert_eq!(table.live_rows(), 19_998);
    assert_eq!(table.locate(100), Some(Location::Inlined));
    assert_eq!(table.locate(101), Some(Location::File { file_id: table.files[0].file.id, pos: 100 }));
    assert_eq!((table.locate(1), table.locate(50_000)), (None, None));
    let wanted = [19_000, 100, 0, 7, 19_000];
    let rows = table.rows(&wanted, Some(&[0])).unwrap();
    let found = rows.column(0).as_primitive::<arrow::datatypes::Int32Type>().values().to_vec();
    assert_eq!(found, [18_999, 77, -1, 6, 18_999]);
    assert_eq!(table.rows(&wanted, Some(&[])).unwrap().num_rows(), 5);
    assert!(matches!(table.rows(&[1], None), Err(LakeError::NoSuchRow { row_id: 1, .. })));
    assert_eq!(table.scan(Some(&[])).map(|b| b.unwrap().0.num_rows()).sum::<usize>(), 19_998);
    assert_eq!(table.scan_inlined(None).map(|b| b.unwrap().0.num_rows()).sum::<usize>(), 2);

    let reader = test.lake.reader().unwrap();
    assert_eq!(reader.state_at(s).unwrap().tables[&t].live_rows(), 20_001);
    assert_eq!(reader.state_at(s - 1).unwrap().tables[&t].live_rows(), 1);
}

#[test]
fn lake_files_are_scanned_by_row_group() {
    let mut test = TestLake::new("groups");
    let t = test.create("t", kv_columns());
    let file = write(&test, t, &(0..130_000).collect::<Vec<_>>(), None);
    add(&mut test, t, file);
    test.delete(t, &[0, 125_000]);
    let table = test.table(t);
    let groups = table.files[0].file.row_groups();
    assert_eq!(groups, [122_880, 7_120]);
    let count = |groups| table.scan_file(0, Some(&[0]), groups).map(|b| b.unwrap().1.len()).sum::<usize>();
    assert_eq!((count(None), count(Some(vec![0])), count(Some(vec![1]))), (129_998, 122_879, 7_119));
    let last = table.scan_file(0, None, Some(vec![1])).next().unwrap().unwrap();
    assert_eq!(last.1.value(0), 122_880);
    test.check();
}

#[test]
fn lake_files_may_carry_row_ids() {
    let mut test = TestLake::new("row_ids");
    let t = test.create("t", kv_columns());
    let file = write(&test, t, &(0..100).collect::<Vec<_>>(), None);
    add(&mut test, t, file);
    let moved = write(&test, t, &[500, 501, 502], Some(vec![7, 50, 200]));
    test.change(TableChange {
        table_id: t,
        deletes: vec![7, 50],
        inserts: vec![RowInsert::File(moved)],
        truncate: false,
    });
    assert_eq!(test.table(t).next_row_id, 201);
    let rows = test.table(t).rows(&[200, 7, 8], Some(&[0])).unwrap();
    assert_eq!(texts(&rows), [["502"], ["500"], ["8"]]);
    test.check();
    let mut writer = test.lake.file_writer(&test.table(t).info).unwrap();
    assert!(writer.write(&kv(&[1, 2]), Some(&vec![2, 1].into())).is_err());
    writer.write(&kv(&[1]), Some(&vec![1].into())).unwrap();
    assert!(writer.write(&kv(&[1]), None).is_err());
    drop(writer);
    assert_eq!(test.lake.remove_orphans().unwrap(), 0, "a dropped writer leaves nothing");
}

#[test]
fn lake_truncates() {
    let mut test = TestLake::new("truncate");
    let t = test.create("t", kv_columns());
    let file = write(&test, t, &(0..100).collect::<Vec<_>>(), None);
    add(&mut test, t, file);
    test.insert(t, &[1000, 1001]);
    test.delete(t, &[100]);
    let s = test.delete(t, &[5]);
    let insert = new_rows(&test.table(t), kv(&[2000]));
    test.change(TableChange { table_id: t, deletes: vec![], inserts: vec![insert], truncate: true });
    assert_eq!(keys(&test.table(t)), ["2000"]);
    test.check();
    let reader = test.lake.reader().unwrap();
    assert_eq!(reader.state_at(s).unwrap().tables[&t].live_rows(), 100);
    let file = write(&test, t, &[1], None);
    add(&mut test, t, file);
    test.change(TableChange { table_id: t, truncate: true, ..TableChange::default() });
    assert_eq!(test.table(t).live_rows(), 0);
    test.check();
}

#[test]
fn lake_removes_orphans() {
    let mut test = TestLake::new("orphans");
    let t = test.create("t", kv_columns());
    let (kept, lost, given_up) =
        (write(&test, t, &[1], None), write(&test, t, &[2], None), write(&test, t, &[3], None));
    add(&mut test, t, kept);
    test.lake.abandon(given_up);
    std::fs::write(test.table(t).info.folder.join("ducklake-1.parquet"), "another program's").unwrap();
    assert_eq!(test.lake.remove_orphans().unwrap(), 1);
    assert!(!lost.contents.path.exists());
    assert_eq!(keys(&test.table(t)), ["1"]);
    assert!(test.table(t).info.folder.join("ducklake-1.parquet").exists());
    test.check();
}

#[test]
fn lake_reads_a_row_from_its_pages_alone() {
    let mut test = TestLake::new("pages");
    let t = test.create("t", kv_columns());
    let file = write(&test, t, &(0..20_000).collect::<Vec<_>>(), None);
    add(&mut test, t, file);
    let table = test.table(t);
    let contents = &table.files[0].file.contents;
    let meta = contents.meta.metadata();
    let mut bytes = std::fs::read(&contents.path).unwrap();

    // Every page that neither holds row 15,000 nor a dictionary is overwritten.
    let mut spoilt = 0;
    for (column, index) in meta.row_group(0).columns().iter().zip(&meta.offset_index().unwrap()[0]) {
        let pages = index.page_locations();
        let firsts = pages.iter().skip(1).map(|p| p.first_row_index).chain([20_000]);
        for (page, next) in pages.iter().zip(firsts) {
            assert!(next - page.first_row_index < 2048, "{}", column.column_path());
            if !(page.first_row_index..next).contains(&15_000) {
                let start = page.offset as usize;
                bytes[start..start + page.compressed_page_size as usize].fill(0xff);
                spoilt += 1;
            }
        }
        if let Some(dictionary) = column.dictionary_page_offset() {
            let bytes = column.data_page_offset() - dictionary;
            assert!(bytes < 16 << 10, "{}: {bytes}", column.column_path());
        }
    }
    assert!(spoilt > 15, "{spoilt}");
    std::fs::write(&contents.path, bytes).unwrap();

    let row = table.rows(&[15_000], None).unwrap();
    assert_eq!(row.column(0).as_primitive::<arrow::datatypes::Int32Type>().values(), &[15_000]);
    assert!(table.scan(None).any(|part| part.is_err()));
}
