use sluice_lake::*;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::array::*;
fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let mode = std::env::args().nth(2).unwrap_or_default();
    let mut lake = Lake::open(&dir).unwrap();
    println!("snapshot {} orphans {}", lake.state().snapshot, lake.remove_orphans().unwrap());
    if mode == "poke" {
        let tables: Vec<_> = lake.state().tables.values().cloned().collect();
        for t in tables {
            let mut all: Vec<(RecordBatch, Int64Array)> = match t.scan(None).collect::<Result<_>>() { Ok(a) => a, Err(e) => { println!("{}: {e}", t.info.name); continue } };
            if all.is_empty() { println!("{} empty", t.info.name); continue }
            let (rows, ids) = all.swap_remove(0);
            let n = rows.num_rows().min(20);
            let rows = rows.slice(0, n); let ids = ids.slice(0, n);
            // delete first, update second, append all inline, append all as file
            let mut deletes = vec![ids.value(0)];
            let mut inserts = vec![];
            let mut next = t.next_row_id;
            if n > 1 { deletes.push(ids.value(1)); inserts.push(RowInsert::Inline { rows: rows.slice(1, 1), row_ids: vec![ids.value(1)].into() }); }
            inserts.push(RowInsert::Inline { rows: rows.clone(), row_ids: (next..next + n as i64).collect::<Vec<_>>().into() });
            next += n as i64; let _ = next;
            let file = lake.write_file(&t.info, [Ok::<_, LakeError>((rows.clone(), None))].into_iter()).unwrap();
            inserts.push(RowInsert::File(file));
            let s = lake.commit(Commit { changes: vec![TableChange { table_id: t.info.id, deletes, inserts, truncate: false }], ..Commit::default() }).unwrap();
            println!("poked {} in {s}", t.info.name);
        }
    }
    let reader = lake.reader().unwrap();
    let mut lines = String::new();
    for (snapshot, _) in reader.snapshots().unwrap() {
        let state = match reader.state_at(snapshot) { Ok(s) => s, Err(e) => { println!("state_at {snapshot}: {e}"); continue } };
        for table in state.tables.values() {
            let schema = &state.schemas[&table.info.schema_id].name;
            lines += &format!("{}\n", serde_json::json!([snapshot, schema, table.info.name]));
            let wanted: Vec<usize> = (0..table.info.columns.len()).filter(|i| table.info.columns[*i].ty.arrow().is_some()).collect();
            for next in table.scan(Some(&wanted)) {
                let (rows, ids) = next.unwrap();
                let options = FormatOptions::default().with_null("NULL");
                let cols: Vec<_> = rows.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
                for i in 0..rows.num_rows() {
                    let cells: Vec<_> = cols.iter().map(|c| c.value(i).to_string()).collect();
                    lines += &format!("{}\n", serde_json::json!([snapshot, schema, table.info.name, ids.value(i), cells]));
                }
            }
        }
    }
    std::fs::write(dir.join("expected.jsonl"), lines).unwrap();
}
