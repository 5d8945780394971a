//! One figure from several samples.

use std::fmt;
use std::str::FromStr;

/// How the samples of a statement become one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregate {
    /// The middle one; the mean of the two middle ones of an even number.
    #[default]
    Median,
    /// The fastest.
    Min,
    /// The arithmetic mean.
    Mean,
    /// The mean of median, minimum and maximum, of execution time alone, as the figures that AWS publishes are made.
    Aws,
}

impl Aggregate {
    /// Every way, for help texts.
    pub const ALL: [Self; 4] = [Self::Median, Self::Min, Self::Mean, Self::Aws];

    /// Whether the headline figures have the planning in them.
    pub fn includes_planning(self) -> bool {
        self != Self::Aws
    }

    /// The figure; nothing for no samples.
    pub fn of(self, samples: &[f64]) -> Option<f64> {
        let spread = Spread::of(samples)?;
        Some(match self {
            Self::Median => spread.median,
            Self::Min => spread.min,
            Self::Mean => samples.iter().sum::<f64>() / samples.len() as f64,
            Self::Aws => (spread.median + spread.min + spread.max) / 3.0,
        })
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Median => "median",
            Self::Min => "min",
            Self::Mean => "mean",
            Self::Aws => "aws",
        })
    }
}

impl FromStr for Aggregate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|way| way.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no way to aggregate: choose median, min, mean or aws"))
    }
}

/// The middle and the ends of some samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one; the mean of the two middle ones of an even number.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Nothing for no samples.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { min, median, max })
    }

    /// The width as a share of the median.
    pub fn relative_width(&self) -> f64 {
        if self.median > 0.0 { (self.max - self.min) / self.median } else { 0.0 }
    }
}

/// The geometric mean of positive figures; 0 for none.
pub fn geometric_mean(figures: &[f64]) -> f64 {
    if figures.is_empty() {
        return 0.0;
    }
    // A clock may read 0 for something very short; a nanosecond keeps the logarithm finite.
    let logarithms = figures.iter().map(|figure| figure.max(1e-9).ln());
    (logarithms.sum::<f64>() / figures.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[f64], expected: [f64; 4]) {
        let actual = Aggregate::ALL.map(|way| way.of(samples).expect("there are samples"));
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        }
    }

    #[test]
    fn aggregates_in_the_order_median_min_mean_aws() {
        check(&[3.0], [3.0, 3.0, 3.0, 3.0]);
        check(&[5.0, 1.0, 3.0], [3.0, 1.0, 3.0, 3.0]);
        check(&[4.0, 1.0, 2.0, 9.0], [3.0, 1.0, 4.0, 13.0 / 3.0]);
        assert_eq!(Aggregate::Median.of(&[]), None);
    }

    #[test]
    fn geometric_means() {
        assert_eq!(geometric_mean(&[]), 0.0);
        assert!((geometric_mean(&[1.0, 100.0]) - 10.0).abs() < 1e-9);
        assert!(geometric_mean(&[0.0, 1.0]) > 0.0);
    }

    #[test]
    fn names_come_back() {
        for way in Aggregate::ALL {
            assert_eq!(way.to_string().parse(), Ok(way));
        }
        assert!("average".parse::<Aggregate>().is_err_and(|message| message.contains("median, min, mean or aws")));
    }
}
