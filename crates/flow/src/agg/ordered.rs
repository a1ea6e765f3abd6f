//! `min` and `max`: an ordered multiset a group, so that the next value is at hand when the extreme one goes.

use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, make_array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use sluice_zset::ZError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a type is kept: as an integer of the same order where there is one, else in Arrow's row format.
trait Keys: Send {
    type Key: Ord + Clone + Send;

    fn encode(&self, values: &ArrayRef) -> Result<Vec<Option<Self::Key>>>;

    fn decode(&self, keys: Vec<Option<&Self::Key>>, output: &DataType) -> Result<ArrayRef>;
}

/// Integers, dates and timestamps.
struct Integers;

impl Keys for Integers {
    type Key = i64;

    fn encode(&self, values: &ArrayRef) -> Result<Vec<Option<i64>>> {
        let wide = match values.data_type() {
            DataType::Date32 => cast(&cast(values, &DataType::Int32)?, &DataType::Int64)?,
            _ => cast(values, &DataType::Int64)?,
        };
        Ok(wide.as_primitive::<Int64Type>().iter().collect())
    }

    fn decode(&self, keys: Vec<Option<&i64>>, output: &DataType) -> Result<ArrayRef> {
        let wide: ArrayRef = Arc::new(keys.into_iter().map(|k| k.copied()).collect::<Int64Array>());
        Ok(match output {
            DataType::Date32 => cast(&cast(&wide, &DataType::Int32)?, output)?,
            // A relabelling: the stored integers are the timestamps, whatever the time zone.
            DataType::Timestamp(_, _) => make_array(wide.to_data().into_builder().data_type(output.clone()).build()?),
            _ => cast(&wide, output)?,
        })
    }
}

/// Floats, in PostgreSQL's order: NaN is greater than any number.
struct Floats;

impl Keys for Floats {
    type Key = i64;

    fn encode(&self, values: &ArrayRef) -> Result<Vec<Option<i64>>> {
        let wide = sluice_zset::normalize_key(&cast(values, &DataType::Float64)?);
        let order = |bits: i64| bits ^ (((bits >> 63) as u64) >> 1) as i64;
        Ok(wide.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| order(v.to_bits() as i64))).collect())
    }

    fn decode(&self, keys: Vec<Option<&i64>>, output: &DataType) -> Result<ArrayRef> {
        let order = |bits: i64| bits ^ (((bits >> 63) as u64) >> 1) as i64;
        let wide: Float64Array = keys.into_iter().map(|k| k.map(|&k| f64::from_bits(order(k) as u64))).collect();
        Ok(cast(&(Arc::new(wide) as ArrayRef), output)?)
    }
}

/// Decimals.
struct Decimals;

impl Keys for Decimals {
    type Key = i128;

    fn encode(&self, values: &ArrayRef) -> Result<Vec<Option<i128>>> {
        Ok(values.as_primitive::<Decimal128Type>().iter().collect())
    }

    fn decode(&self, keys: Vec<Option<&i128>>, output: &DataType) -> Result<ArrayRef> {
        let values = keys.into_iter().map(|k| k.copied()).collect::<Decimal128Array>();
        Ok(Arc::new(values.with_data_type(output.clone())))
    }
}

/// Text and everything else.
struct Encoded(RowConverter);

impl Keys for Encoded {
    type Key = Box<[u8]>;

    fn encode(&self, values: &ArrayRef) -> Result<Vec<Option<Box<[u8]>>>> {
        let rows = self.0.convert_columns(std::slice::from_ref(values))?;
        Ok(rows.iter().enumerate().map(|(i, r)| values.is_valid(i).then(|| r.as_ref().into())).collect())
    }

    fn decode(&self, keys: Vec<Option<&Box<[u8]>>>, output: &DataType) -> Result<ArrayRef> {
        let null = self.0.convert_columns(&[new_null_array(output, 1)])?;
        let parser = self.0.parser();
        let rows = keys.into_iter().map(|k| match k {
            Some(bytes) => parser.parse(bytes),
            None => parser.parse(null.row(0).data()),
        });
        Ok(ArrayRef::clone(&self.0.convert_rows(rows)?[0]))
    }
}

pub(super) fn accumulator(max: bool, output: DataType) -> Box<dyn Accumulator> {
    fn build<K: Keys + 'static>(keys: K, max: bool, output: DataType) -> Box<dyn Accumulator> {
        Box::new(Ordered { keys, max, output, groups: vec![], undo: vec![], entries: 0 })
    }
    match &output {
        DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(_, _) => {
            build(Integers, max, output)
        }
        DataType::Float32 | DataType::Float64 => build(Floats, max, output),
        DataType::Decimal128(_, _) => build(Decimals, max, output),
        other => match RowConverter::new(vec![SortField::new(other.clone())]) {
            Ok(converter) => build(Encoded(converter), max, output),
            Err(_) => unreachable!("the planner gives min and max types that can be ordered"),
        },
    }
}

/// About 30 bytes a distinct value and group, 60 for text.
struct Ordered<K: Keys> {
    keys: K,
    max: bool,
    output: DataType,
    groups: Vec<BTreeMap<K::Key, i64>>,
    undo: Vec<(u32, K::Key, i64)>,
    entries: usize,
}

impl<K: Keys> Ordered<K> {
    fn add(&mut self, group: u32, key: K::Key, weight: i64) -> Result<()> {
        use std::collections::btree_map::Entry;
        match self.groups[group as usize].entry(key) {
            Entry::Vacant(e) => {
                e.insert(weight);
                self.entries += 1;
            }
            Entry::Occupied(mut e) => {
                let sum = e.get().checked_add(weight).ok_or(ZError::WeightOverflow)?;
                if sum == 0 {
                    e.remove();
                    self.entries -= 1;
                } else {
                    *e.get_mut() = sum;
                }
            }
        }
        Ok(())
    }
}

impl<K: Keys> Accumulator for Ordered<K> {
    fn resize(&mut self, groups: usize) {
        if self.groups.len() < groups {
            self.groups.resize_with(groups, BTreeMap::new);
        }
    }

    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        let Some(values) = values else { return Ok(()) };
        let keys = self.keys.encode(values)?;
        for (i, &group) in entries.groups.iter().enumerate() {
            let Some(key) = &keys[entries.positions[i] as usize] else { continue };
            self.add(group, key.clone(), entries.weights[i])?;
            self.undo.push((group, key.clone(), entries.weights[i]));
        }
        Ok(())
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        let extreme = |&g: &u32| {
            let values = &self.groups[g as usize];
            if self.max { values.keys().next_back() } else { values.keys().next() }
        };
        Ok((self.keys.decode(groups.iter().map(extreme).collect(), &self.output)?, vec![]))
    }

    fn commit(&mut self) {
        self.undo.clear();
    }

    fn abort(&mut self) {
        while let Some((group, key, weight)) = self.undo.pop() {
            // Taking back what was just added cannot overflow.
            let _ = self.add(group, key, -weight);
        }
    }

    fn bytes(&self) -> usize {
        self.groups.capacity() * 24 + self.entries * (size_of::<K::Key>() + 16)
    }
}
