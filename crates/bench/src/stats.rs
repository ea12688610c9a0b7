//! Medians: what is slow by accident does not count.

/// The median of `samples`; the mean of the middle two if there is no middle one. `NaN` without samples.
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match samples {
        [] => f64::NAN,
        [.., _] if samples.len() % 2 == 1 => samples[middle],
        [..] => f64::midpoint(samples[middle - 1], samples[middle]),
    }
}

/// A cell of a table: the value, and how many times `ours` it is.
pub fn with_ratio(value: f64, ours: f64) -> String {
    format!("{} {:>6.2}x", short(value), value / ours)
}

/// A number in nine columns, with decimals only where they say something.
pub fn short(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:>9.2}"),
        10.0..1000.0 => format!("{value:>9.1}"),
        _ => format!("{value:>9.0}"),
    }
}
