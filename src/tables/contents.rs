//! What a data set holds, as one hash a table that no layout changes: told by its manifest, or found out by reading all rows.
//!
//! Data that others wrote (a copy by Spark, say) has no manifest. Its rows are read once; what was found is remembered in the user's
//! cache folder, and holds as long as no file changes its place, size or modification time.

use std::collections::BTreeMap;

use datagen::ContentHasher;
use twox_hash::XxHash3_128;

use super::reader::for_each_batch;
use super::{DataError, DataSet, TableFiles, hashes};
use crate::engine::{Engine, EngineError, EngineLimits};
use crate::paths::Remembered;

/// How many data sets are remembered; the oldest is forgotten first.
const MOST_REMEMBERED: usize = 100;

impl DataSet {
    /// The content hash of each table whose rows are the same whenever it is made, by the table's name.
    pub async fn content_hashes(&self, limits: &EngineLimits) -> Result<BTreeMap<String, String>, DataError> {
        if let Some(manifest) = &self.manifest {
            let tables = manifest.tables.iter();
            return Ok(tables.filter_map(|(name, table)| Some((name.clone(), table.content_hash.clone()?))).collect());
        }
        let (mut contents, key) = (Contents::load(), self.state());
        if let Some(hashes) = contents.find(&key) {
            return Ok(hashes);
        }
        let hashes = self.read_hashes(limits).await?;
        contents.add(key, hashes.clone());
        Ok(hashes)
    }

    /// Whether [`Self::content_hashes`] has to read all rows, which takes about as long as writing them.
    pub fn must_be_read(&self) -> bool {
        self.manifest.is_none() && Contents::load().find(&self.state()).is_none()
    }

    async fn read_hashes(&self, limits: &EngineLimits) -> Result<BTreeMap<String, String>, DataError> {
        let failed = |error: EngineError| DataError::Contents {
            url: self.url.to_string(),
            table: String::new(),
            message: error.to_string(),
        };
        let engine = self.reader(limits).await.map_err(failed)?;
        let mut hashes = BTreeMap::new();
        for files in self.tables.iter().filter(|files| files.table.is_reproducible()) {
            let hash = hash(&engine, files).await.map_err(|message| DataError::Contents {
                url: self.url.to_string(),
                table: format!("the table {} of ", files.table.name),
                message,
            })?;
            hashes.insert(files.table.name.to_owned(), hash);
        }
        Ok(hashes)
    }

    /// One value for all files as they are now.
    fn state(&self) -> String {
        let mut hasher = XxHash3_128::new();
        for file in self.tables.iter().flat_map(|table| &table.files) {
            hasher.write(format!("{}\n", hashes::state(&self.url, &file.object)).as_bytes());
        }
        format!("{:032x}", hasher.finish_128())
    }
}

async fn hash(engine: &Engine, files: &TableFiles) -> Result<String, String> {
    let mut hasher = ContentHasher::new(files.table);
    for_each_batch(engine, files.table, "*", |batch| hasher.update(batch).map_err(|error| error.to_string())).await?;
    Ok(hasher.finish())
}

/// What was found out before, by the state of the files, the oldest first.
struct Contents(Remembered<Vec<(String, BTreeMap<String, String>)>>);

impl Contents {
    fn load() -> Self {
        Self(Remembered::load("contents.json"))
    }

    fn find(&self, key: &str) -> Option<BTreeMap<String, String>> {
        self.0.entries.iter().find(|(known, _)| known == key).map(|(_, hashes)| hashes.clone())
    }

    fn add(&mut self, key: String, hashes: BTreeMap<String, String>) {
        let entries = &mut self.0.entries;
        entries.push((key, hashes));
        let excess = entries.len().saturating_sub(MOST_REMEMBERED);
        entries.drain(..excess);
        self.0.save();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::tables::{DataUrl, Expectation};

    #[tokio::test]
    async fn what_is_read_is_what_the_manifest_says() {
        let folder = tempfile::tempdir().expect("a folder");
        for layout in [datagen::Layout::Plain, datagen::Layout::Partitioned] {
            let mut options =
                datagen::Options::new("0.01".parse().expect("a scale"), folder.path().join(layout.to_string()));
            options.layout = layout;
            datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
            let url = DataUrl::from_path(&options.out).expect("a folder");
            let mut data = DataSet::open(url, &Expectation::default()).await.expect("opened");
            let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
            let told = data.content_hashes(&limits).await.expect("told");
            assert_eq!(told.len(), 24);
            assert!(!data.must_be_read());
            data.manifest = None;
            assert_eq!(data.read_hashes(&limits).await.expect("read"), told, "{layout}");
        }
    }
}
