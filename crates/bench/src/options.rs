//! The few options that both programs take.

/// What to run and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Fewer and shorter rounds.
    pub quick: bool,
    /// How many rounds, instead of the program's choice.
    pub rounds: Option<usize>,
    /// Only libraries whose name contains one of these; all if empty.
    pub only: Vec<String>,
    /// Only cases whose name contains this.
    pub case: String,
}

/// The options' description, for `--help`.
pub const HELP: &str = "\
  --quick           fewer and shorter rounds
  --rounds N        how many rounds
  --only A,B        only the libraries whose names contain A or B
  --case TEXT       only the cases whose names contain TEXT
  --help            this text
";

impl Options {
    /// Reads what stands behind the program's name.
    ///
    /// # Errors
    ///
    /// One line that says what was not understood; empty if help was asked for.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => options.quick = true,
                "--rounds" => options.rounds = Some(number(&value()?)?),
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--case" => options.case = value()?,
                "--help" => return Err(String::new()),
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }

    /// The library takes part.
    pub fn wants(&self, library: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| library.contains(part.as_str()))
    }

    /// The case takes part.
    pub fn wants_case(&self, case: &str) -> bool {
        case.contains(&self.case)
    }
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text} is not a positive number")),
        Ok(number) => Ok(number),
    }
}
