//! Sums of floating-point numbers that are exact until they are shown, so that shards, retractions and a full
//! recomputation agree to the bit. A superaccumulator (Neal, "Fast exact summation using small and large
//! superaccumulators", arXiv 1505.05571) held only over the exponents in use.

use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use std::collections::BTreeMap;
use std::sync::Arc;

const LIMB_BITS: i32 = 32;

/// An exact sum of doubles with multiplicities. Infinities and NaNs are counted, so that they can be taken back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FloatSum {
    /// Limb `i` counts multiples of 2^(32 i); limbs that are zero are absent.
    limbs: BTreeMap<i32, i128>,
    /// Values that are not NULL.
    count: i64,
    nans: i64,
    infinities: [i64; 2],
}

impl FloatSum {
    /// Adds `weight` copies of `value`, or takes them back.
    pub fn add(&mut self, value: f64, weight: i64) {
        self.count += weight;
        if value.is_nan() {
            self.nans += weight;
        } else if value.is_infinite() {
            self.infinities[usize::from(value > 0.0)] += weight;
        } else if value != 0.0 {
            self.add_finite(value, weight);
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &FloatSum) {
        self.count += other.count;
        self.nans += other.nans;
        self.infinities[0] += other.infinities[0];
        self.infinities[1] += other.infinities[1];
        for (&at, &limb) in &other.limbs {
            self.add_limb(at, limb);
        }
    }

    /// The sum as bytes, for a partial aggregate on its way to the final one; never stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.count, self.nans, self.infinities[0], self.infinities[1]];
        let mut bytes: Vec<u8> = counts.iter().flat_map(|c| c.to_le_bytes()).collect();
        for (at, limb) in &self.limbs {
            bytes.extend(at.to_le_bytes());
            bytes.extend(limb.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (counts, limbs) = bytes.split_at(bytes.len().min(32));
        let count =
            |i: usize| counts.get(8 * i..8 * i + 8).and_then(|b| b.try_into().ok()).map_or(0, i64::from_le_bytes);
        let limb = |b: &[u8]| {
            let (at, value) = b.split_at(4);
            Some((i32::from_le_bytes(at.try_into().ok()?), i128::from_le_bytes(value.try_into().ok()?)))
        };
        Self {
            limbs: limbs.chunks_exact(20).filter_map(limb).collect(),
            count: count(0),
            nans: count(1),
            infinities: [count(2), count(3)],
        }
    }

    /// How many values are summed.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// The sum rounded once, half to even. It is infinite where the exact sum exceeds the range of doubles.
    pub fn value(&self) -> f64 {
        match (self.nans > 0, self.infinities) {
            (true, _) => f64::NAN,
            (false, [n, p]) if n > 0 && p > 0 => f64::NAN,
            (false, [n, _]) if n > 0 => f64::NEG_INFINITY,
            (false, [_, p]) if p > 0 => f64::INFINITY,
            _ => self.finite(),
        }
    }

    /// Whether a value that is shown as infinite comes from finite ones.
    pub fn overflows(&self) -> bool {
        self.nans <= 0 && self.infinities.iter().all(|&i| i <= 0) && self.finite().is_infinite()
    }

    fn add_finite(&mut self, value: f64, weight: i64) {
        let bits = value.to_bits();
        let exponent_bits = ((bits >> 52) & 0x7ff) as i32;
        let fraction = (bits & ((1 << 52) - 1)) as i128;
        let (mantissa, exponent) =
            if exponent_bits == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent_bits - 1075) };
        let at = exponent.div_euclid(LIMB_BITS);
        let shifted: i128 = mantissa << exponent.rem_euclid(LIMB_BITS);
        let signed = if value < 0.0 { -weight } else { weight };
        for part in 0..3 {
            let piece = (shifted >> (part * LIMB_BITS)) & 0xffff_ffff;
            self.add_limb(at + part, piece * i128::from(signed));
        }
    }

    fn add_limb(&mut self, at: i32, change: i128) {
        if change == 0 {
            return;
        }
        let limb = self.limbs.entry(at).or_insert(0);
        *limb += change;
        if *limb == 0 {
            self.limbs.remove(&at);
        } else if limb.unsigned_abs() >> 120 != 0 {
            // Far from overflow still, but carry before it comes near.
            let carry = *limb >> LIMB_BITS;
            *limb &= 0xffff_ffff;
            self.add_limb(at + 1, carry);
        }
    }

    /// Magnitude as 32-bit digits from the lowest limb, and the sign.
    fn digits(&self) -> Option<(i32, Vec<u32>, bool)> {
        let (&low, _) = self.limbs.first_key_value()?;
        let (&high, _) = self.limbs.last_key_value()?;
        let normal = |sign: i128| {
            let mut digits = vec![];
            let mut carry: i128 = 0;
            let mut at = low;
            while at <= high || (carry != 0 && carry != -1) {
                let sum = sign * self.limbs.get(&at).copied().unwrap_or(0) + carry;
                digits.push((sum & 0xffff_ffff) as u32);
                carry = sum >> LIMB_BITS;
                at += 1;
            }
            (digits, carry)
        };
        let (digits, carry) = normal(1);
        if carry == 0 { Some((low, digits, false)) } else { Some((low, normal(-1).0, true)) }
    }

    fn finite(&self) -> f64 {
        let Some((low, digits, negative)) = self.digits() else { return 0.0 };
        let Some(top) = digits.iter().rposition(|&d| d != 0) else { return 0.0 };
        let magnitude = round_digits(&digits[..=top], low * LIMB_BITS);
        if negative { -magnitude } else { magnitude }
    }
}

/// `digits * 2^exponent` rounded to the nearest double, half to even.
fn round_digits(digits: &[u32], exponent: i32) -> f64 {
    let bits = digits.len() as i32 * LIMB_BITS - digits[digits.len() - 1].leading_zeros() as i32;
    // The exponent of the last bit that the double keeps: 53 bits, fewer for subnormal numbers.
    let last = (exponent + bits - 53).max(-1074);
    let drop = last - exponent;
    let bit = |i: i32| {
        i >= 0 && (i / LIMB_BITS) < digits.len() as i32 && digits[(i / LIMB_BITS) as usize] >> (i % LIMB_BITS) & 1 == 1
    };
    let mut mantissa: u64 = 0;
    for i in (0..53).rev() {
        mantissa = mantissa << 1 | u64::from(bit(drop + i));
    }
    let half = bit(drop - 1);
    let sticky = (0..(drop - 1).max(0)).any(bit);
    if half && (sticky || mantissa & 1 == 1) {
        mantissa += 1;
    }
    scale(mantissa, last)
}

/// `mantissa * 2^exponent`, exact or infinite; `mantissa` has at most 53 bits, or is 2^53.
fn scale(mantissa: u64, exponent: i32) -> f64 {
    let (mut mantissa, mut exponent) = (mantissa, exponent);
    if mantissa == 1 << 53 {
        mantissa >>= 1;
        exponent += 1;
    }
    if mantissa < 1 << 52 {
        return f64::from_bits(mantissa);
    }
    let biased = exponent + 1075;
    if biased >= 0x7ff {
        return f64::INFINITY;
    }
    f64::from_bits((biased as u64) << 52 | (mantissa & ((1 << 52) - 1)))
}

/// Sum or mean of floats. About 100 bytes a group, more where magnitudes differ widely.
pub(super) struct Float {
    mean: bool,
    output: DataType,
    sums: Vec<FloatSum>,
    undo: Vec<(u32, f64, i64)>,
}

impl Float {
    pub(super) fn new(mean: bool, output: DataType) -> Self {
        Self { mean, output, sums: vec![], undo: vec![] }
    }
}

impl Accumulator for Float {
    fn resize(&mut self, groups: usize) {
        if self.sums.len() < groups {
            self.sums.resize_with(groups, FloatSum::default);
        }
    }

    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        let Some(values) = values else { return Ok(()) };
        for (i, &group) in entries.groups.iter().enumerate() {
            let at = entries.positions[i] as usize;
            let value = match values.data_type() {
                DataType::Float32 => f64::from(values.as_primitive::<Float32Type>().value(at)),
                _ => values.as_primitive::<Float64Type>().value(at),
            };
            self.sums[group as usize].add(value, entries.weights[i]);
            self.undo.push((group, value, entries.weights[i]));
        }
        Ok(())
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        let mut errors = vec![];
        let mut out: Vec<Option<f64>> = Vec::with_capacity(groups.len());
        for (at, &group) in groups.iter().enumerate() {
            let sum = &self.sums[group as usize];
            let value = if self.mean { sum.value() / sum.count() as f64 } else { sum.value() };
            let narrow = matches!(self.output, DataType::Float32) && (value as f32).is_infinite() && value.is_finite();
            if sum.overflows() || narrow {
                errors.push(OutputError { at, code: "22003", message: "value out of range: overflow".into() });
            }
            out.push((sum.count() != 0).then_some(value));
        }
        let array: ArrayRef = match self.output {
            DataType::Float32 => Arc::new(out.into_iter().map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
            _ => Arc::new(out.into_iter().collect::<Float64Array>()),
        };
        Ok((array, errors))
    }

    fn commit(&mut self) {
        self.undo.clear();
    }

    fn abort(&mut self) {
        while let Some((group, value, weight)) = self.undo.pop() {
            self.sums[group as usize].add(value, -weight);
        }
    }

    fn bytes(&self) -> usize {
        self.sums.iter().map(|s| size_of::<FloatSum>() + s.limbs.len() * 24).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = FloatSum::default();
        values.iter().for_each(|&v| sum.add(v, 1));
        sum.value()
    }

    #[test]
    fn cancellation_is_exact() {
        assert_eq!(sum(&[1e308, 1.0, -1e308]), 1.0);
        assert_eq!(sum(&[2f64.powi(54), 1.0, -(2f64.powi(54))]), 1.0);
        assert_eq!(sum(&[0.1, 0.2, -0.1, -0.2]), 0.0);
    }

    #[test]
    fn rounds_half_to_even() {
        assert_eq!(sum(&[2f64.powi(53), 1.0]), 2f64.powi(53));
        assert_eq!(sum(&[2f64.powi(53), 1.0, 1e-300]), 2f64.powi(53) + 2.0);
        assert_eq!(sum(&[2f64.powi(53) + 2.0, 1.0]), 2f64.powi(53) + 4.0);
    }

    #[test]
    fn infinities_and_nans_can_be_taken_back() {
        let mut s = FloatSum::default();
        s.add(1.5, 1);
        s.add(f64::INFINITY, 2);
        assert_eq!(s.value(), f64::INFINITY);
        s.add(f64::NEG_INFINITY, 1);
        assert!(s.value().is_nan());
        s.add(f64::INFINITY, -2);
        s.add(f64::NEG_INFINITY, -1);
        assert_eq!(s.value(), 1.5);
    }

    proptest! {
        #[test]
        fn one_value_is_itself(v in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            prop_assert_eq!(sum(&[v]), v);
        }

        #[test]
        fn two_values_round_like_the_processor(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            prop_assert_eq!(sum(&[a, b]), a + b);
        }

        #[test]
        fn the_order_does_not_matter(mut v in prop::collection::vec(-1e20f64..1e20, 0..50)) {
            let forward = sum(&v);
            v.reverse();
            prop_assert_eq!(forward.to_bits(), sum(&v).to_bits());
        }

        #[test]
        fn what_goes_leaves_nothing(v in prop::collection::vec(any::<f64>(), 0..50)) {
            let mut s = FloatSum::default();
            v.iter().for_each(|&x| s.add(x, 3));
            v.iter().rev().for_each(|&x| s.add(x, -3));
            prop_assert_eq!(s, FloatSum::default());
        }
    }
}
