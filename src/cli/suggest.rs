//! Values that completion offers for arguments that take others too, such as the name of a profile or its path.

use std::error::Error;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

/// Reads a value as its type does, and names some values for completion scripts.
#[derive(Debug, Clone)]
pub(super) struct Suggesting<T> {
    values: &'static [&'static str],
    value: PhantomData<fn() -> T>,
}

/// A parser for `T` that suggests these values.
pub(super) fn suggesting<T>(values: &'static [&'static str]) -> Suggesting<T> {
    Suggesting { values, value: PhantomData }
}

impl<T> TypedValueParser for Suggesting<T>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<T, clap::Error> {
        StringValueParser::new().try_map(|text: String| text.parse::<T>()).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values.iter().map(|value| PossibleValue::new(*value))))
    }
}
