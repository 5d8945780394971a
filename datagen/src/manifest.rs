//! `manifest.json`: what a folder of tables holds, and how it was made.
//!
//! Written beside the tables, as a whole or not at all, each time a table is complete.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::error::{Error, Result};
use crate::folder;
use crate::options::WriterSettings;
use crate::scale::ScaleFactor;
use crate::schema::Table;

/// The newest format that this program writes and reads.
///
/// Raised when the meaning of a field or of a hash changes, or when a field is added that a reader
/// must not ignore. A manifest says the lowest version whose readers understand it: 1, or 2 for a folder
/// with a [`crate::Layout`] other than plain or with bloom filters.
pub const FORMAT_VERSION: u32 = 2;

/// The release of `tpcdsgen` whose rows these are; the tests compare it with the one that is linked.
pub const TPCDSGEN_VERSION: &str = "4.0.0";

/// What a folder of tables holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format_version: u32,
    /// The program that wrote the files.
    pub generator: Generator,
    /// The scale factor of every table here.
    pub scale: ScaleFactor,
    /// How every file here was written.
    pub writer: WriterSettings,
    /// The complete tables, by name.
    pub tables: BTreeMap<String, TableEntry>,
}

/// The program that wrote the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the generator of rows, which alone decides the values.
    pub tpcdsgen_version: String,
}

impl Default for Generator {
    fn default() -> Self {
        Self {
            name: "dsbench".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tpcdsgen_version: TPCDSGEN_VERSION.to_owned(),
        }
    }
}

/// A complete table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its rows.
    pub row_count: u64,
    /// [`crate::ContentHasher`] over its values; none for `dbgen_version`, which holds a clock.
    pub content_hash: Option<String>,
    /// Its files, in the order of its rows.
    pub files: Vec<FileEntry>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it is, from the manifest's folder, with `/` on every system.
    pub path: String,
    /// Its rows.
    pub row_count: u64,
    /// Its size.
    pub bytes: u64,
    /// XXH3-128 of its bytes, in hexadecimal.
    pub hash: String,
}

/// Only what every version of the format has.
#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

impl Manifest {
    /// The manifest's name in its folder.
    pub const FILE_NAME: &str = "manifest.json";

    /// A manifest of no tables yet.
    pub(crate) fn new(scale: ScaleFactor, writer: WriterSettings) -> Self {
        let format_version = if writer.is_of_first_format() { 1 } else { FORMAT_VERSION };
        Self { format_version, generator: Generator::default(), scale, writer, tables: BTreeMap::new() }
    }

    /// The manifest of the folder `dir`.
    ///
    /// # Errors
    /// No folder or no manifest in it; one that cannot be read or understood; one of a newer format.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(Self::FILE_NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::ManifestMissing { path: dir.to_owned() });
            }
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        Self::parse(&text, &path)
    }

    /// The manifest whose text is `text`; `path` is for messages.
    ///
    /// # Errors
    /// As [`Manifest::read`], but for those of the file system.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let invalid = |reason: String| Error::ManifestInvalid { path: path.to_owned(), reason };
        let head: Head = serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        if head.format_version > FORMAT_VERSION {
            let found = head.format_version;
            return Err(Error::ManifestTooNew { path: path.to_owned(), found, supported: FORMAT_VERSION });
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        for file in manifest.files() {
            // A manifest may have come from elsewhere; a path in it must not lead out of the folder.
            let inside = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']);
            if !file.path.split('/').all(inside) {
                return Err(invalid(format!("`{}` is no path inside the folder", file.path)));
            }
        }
        Ok(manifest)
    }

    /// Replaces the manifest of `dir` with this one, at once.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest has string keys only");
        text.push('\n');
        folder::replace_file(dir.join(Self::FILE_NAME), text.as_bytes())
    }

    /// All files, in the order of table names and rows.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.tables.values().flat_map(|table| &table.files)
    }

    /// Where the files of `table` are when the manifest is that of `dir`; empty when it is not here.
    pub fn paths(&self, dir: &Path, table: &Table) -> Vec<PathBuf> {
        let files = self.tables.get(table.name).map_or(&[][..], |entry| &entry.files);
        files.iter().map(|file| dir.join(&file.path)).collect()
    }

    /// One value for all the data: the same for two folders exactly when their scale factors, their
    /// sets of tables and the rows of each table are the same, whatever the files look like.
    ///
    /// XXH3-128, in hexadecimal, of a line `name row_count content_hash` for each table in the order
    /// of names, under a line with the scale factor. `dbgen_version` is left out.
    pub fn fingerprint(&self) -> String {
        let mut text = format!("scale {}\n", self.scale);
        for (name, table) in &self.tables {
            if let Some(content_hash) = &table.content_hash {
                text.push_str(&format!("{name} {} {content_hash}\n", table.row_count));
            }
        }
        format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::options::{Layout, Options};

    fn manifest() -> Manifest {
        let options = Options::new("0.01".parse().unwrap(), "out");
        let mut manifest = Manifest::new(options.scale, options.writer_settings());
        for (name, content_hash) in [("item", Some("abc")), ("dbgen_version", None)] {
            let file = FileEntry { path: format!("{name}.parquet"), row_count: 7, bytes: 100, hash: "def".to_owned() };
            let entry = TableEntry { row_count: 7, content_hash: content_hash.map(str::to_owned), files: vec![file] };
            manifest.tables.insert(name.to_owned(), entry);
        }
        manifest
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        manifest().write(dir.path()).unwrap();
        manifest().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), manifest());
        let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), [Manifest::FILE_NAME], "no temporary file stays");
        expect![[r#"
            {
              "format_version": 1,
              "generator": {
                "name": "dsbench",
                "version": "0.1.0",
                "tpcdsgen_version": "4.0.0"
              },
              "scale": 0.01,
              "writer": {
                "parts": "single",
                "row_group_rows": 262144,
                "compression": "snappy"
              },
              "tables": {
                "dbgen_version": {
                  "row_count": 7,
                  "content_hash": null,
                  "files": [
                    {
                      "path": "dbgen_version.parquet",
                      "row_count": 7,
                      "bytes": 100,
                      "hash": "def"
                    }
                  ]
                },
                "item": {
                  "row_count": 7,
                  "content_hash": "abc",
                  "files": [
                    {
                      "path": "item.parquet",
                      "row_count": 7,
                      "bytes": 100,
                      "hash": "def"
                    }
                  ]
                }
              }
            }
        "#]]
        .assert_eq(&std::fs::read_to_string(dir.path().join(Manifest::FILE_NAME)).unwrap());
    }

    #[test]
    fn layouts_are_a_format_of_their_own_and_older_manifests_stay_readable() {
        let mut options = Options::new("0.01".parse().unwrap(), "out");
        options.layout = Layout::SortedByDate;
        options.bloom_filters = vec!["ss_item_sk".to_owned(), "c_customer_id".to_owned(), "ss_item_sk".to_owned()];
        let manifest = Manifest::new(options.scale, options.writer_settings());
        assert_eq!(manifest.format_version, 2);
        let text = serde_json::to_string(&manifest).unwrap();
        let expected = r#""layout":"sorted-by-date","bloom_filters":["c_customer_id","ss_item_sk"]}"#;
        assert!(text.contains(expected), "{text}");
        assert_eq!(Manifest::parse(text.as_bytes(), Path::new("m")).unwrap(), manifest);

        let older = Manifest::parse(include_bytes!("testing/manifest-v1.json"), Path::new("m")).unwrap();
        assert_eq!((older.format_version, older.writer.layout), (1, Layout::Plain));
        assert!(older.writer.bloom_filters.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said() {
        let check = |change: &dyn Fn(String) -> String, expected: Expect| {
            let dir = tempfile::tempdir().unwrap();
            let text = change(serde_json::to_string(&manifest()).unwrap());
            std::fs::write(dir.path().join(Manifest::FILE_NAME), text).unwrap();
            let message = Manifest::read(dir.path()).unwrap_err().to_string();
            expected.assert_eq(&message.replace(&dir.path().display().to_string(), "DIR"));
        };
        check(
            &|text| text.replace("\"format_version\":1", "\"format_version\":3,\"new\":[]"),
            expect!["DIR/manifest.json has format version 3, this program reads up to 2; use a newer one"],
        );
        check(
            &|text| text[..40].to_owned(),
            expect![
                "cannot understand DIR/manifest.json: EOF while parsing a value at line 1 column 40; restore it or generate into an empty folder"
            ],
        );
        check(
            &|text| text.replace("\"scale\":0.01", "\"scale\":0"),
            expect![
                "cannot understand DIR/manifest.json: scale factor `0` must be between 0.01 and 100000 at line 1 column 105; restore it or generate into an empty folder"
            ],
        );
        check(
            &|text| text.replace("item.parquet", "../item.parquet"),
            expect![
                "cannot understand DIR/manifest.json: `../item.parquet` is no path inside the folder; restore it or generate into an empty folder"
            ],
        );
        let missing = Manifest::read(Path::new("nowhere")).unwrap_err().to_string();
        expect!["nowhere has no manifest.json; generate the tables first"].assert_eq(&missing);
    }

    #[test]
    fn the_fingerprint_is_of_the_rows_only() {
        let original = manifest().fingerprint();
        let check = |change: fn(&mut Manifest), same: bool| {
            let mut manifest = manifest();
            change(&mut manifest);
            assert_eq!(manifest.fingerprint() == original, same);
        };
        check(|_| {}, true);
        check(|m| m.tables.get_mut("item").unwrap().files.clear(), true);
        check(|m| m.writer.row_group_rows = 1, true);
        check(|m| drop(m.tables.remove("dbgen_version")), true);
        check(|m| m.tables.get_mut("item").unwrap().content_hash = Some("abd".to_owned()), false);
        check(|m| m.tables.get_mut("item").unwrap().row_count = 8, false);
        check(|m| drop(m.tables.remove("item")), false);
        check(|m| m.scale = "1".parse().unwrap(), false);
    }

    #[test]
    fn the_generator_of_rows_is_the_one_named() {
        let lock = include_str!("../../Cargo.lock");
        let expected = format!("name = \"tpcdsgen\"\nversion = \"{TPCDSGEN_VERSION}\"\n");
        assert!(lock.contains(&expected), "TPCDSGEN_VERSION is not what Cargo.lock has");
    }
}
