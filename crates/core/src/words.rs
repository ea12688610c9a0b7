//! Enums that say in words what they are: each variant stands beside its [`Display`](core::fmt::Display).

/// Declares enums of plain data whose variants are displayed as the words behind them, which may name what a variant carries.
macro_rules! words {
    ($($(#[$about:meta])* pub enum $name:ident { $(
        $(#[$doc:meta])* $variant:ident $(($value:ident: $of:ty))? = $words:literal,
    )* })*) => { $(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant $(($of))?,)* }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self { $(Self::$variant $(($value))? => write!(f, $words),)* }
            }
        }

        impl core::error::Error for $name {}
    )* };
}

pub(crate) use words;
