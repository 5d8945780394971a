//! URLs in FROM, against a web server: one that gives parts of files, one that gives them whole, and none.
//!
//! S3 is in `scripts/test-s3`, with a server of that protocol.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{check_sql, dsbench, tiny_data};

/// A web server that lives as long as the test program.
struct Server {
    address: String,
    sent_bytes: Arc<AtomicU64>,
}

impl Server {
    fn start(folder: &Path, gives_parts: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let sent_bytes = Arc::new(AtomicU64::new(0));
        let (folder, sent) = (folder.to_owned(), Arc::clone(&sent_bytes));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, sent) = (folder.clone(), Arc::clone(&sent));
                // A client that goes away in the middle is no matter.
                std::thread::spawn(move || drop(serve(&stream, &folder, gives_parts, &sent)));
            }
        });
        Self { address, sent_bytes }
    }

    #[track_caller]
    fn check(&self, sql: &str, expected: &str) {
        check_sql(&sql.replace('$', &self.address), expected);
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, folder: &Path, gives_parts: bool, sent: &AtomicU64) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    loop {
        let mut request = Vec::new();
        loop {
            let Some(line) = lines.next().transpose()? else { return Ok(()) };
            if line.is_empty() {
                break;
            }
            request.push(line);
        }
        let answer = answer(&request, folder, gives_parts);
        sent.fetch_add(answer.len() as u64, Ordering::Relaxed);
        let mut stream = stream;
        stream.write_all(&answer)?;
    }
}

fn answer(request: &[String], folder: &Path, gives_parts: bool) -> Vec<u8> {
    let mut words = request[0].split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_allowed = !path.starts_with("/private/") || query == "key=1";
    let file: PathBuf = folder.join(path.trim_start_matches('/').replace("private/", ""));
    let Some(content) = std::fs::read(file).ok().filter(|_| is_allowed) else {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    };
    let range =
        request.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let (status, part, about) = match range.filter(|_| gives_parts) {
        None => ("200 OK", &content[..], String::new()),
        Some(range) => {
            let (first, last) = range.split_once('-').expect("a range");
            let last = last.parse::<usize>().map_or(content.len(), |last| (last + 1).min(content.len()));
            let first = first.parse().unwrap_or(0);
            let about = format!("Content-Range: bytes {first}-{}/{}\r\n", last - 1, content.len());
            ("206 Partial Content", &content[first..last], about)
        }
    };
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{about}\r\n", part.len()).into_bytes();
    if method != "HEAD" {
        answer.extend_from_slice(part);
    }
    answer
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("x.csv"), "a,b\n1,one\n2,two\n").expect("written");
    std::fs::write(folder.path().join("x y.json"), "[{\"a\": 1}, {\"a\": 2}]").expect("written");
    std::fs::write(folder.path().join("empty.csv"), "").expect("written");
    std::fs::copy(format!("{}/store_sales.parquet", tiny_data()), folder.path().join("s.parquet")).expect("copied");
    folder
}

#[test]
fn a_server_that_gives_parts() {
    let folder = folder();
    std::fs::copy(folder.path().join("x y.json"), folder.path().join("x%20y.json")).expect("copied");
    let server = Server::start(folder.path(), true);
    server.check("select b from '$/x.csv' where a = 2", "b\ntwo\n");
    server.check("select sum(a) as s from '$/x%20y.json'", "s\n3\n");
    server.check("select x.b from '$/x.csv' x, '$/x.csv?v=2' y where x.a = y.a order by 1", "b\none\ntwo\n");
    server.check("create view v as select a from '$/x.csv'; select sum(a) as s from v", "s\n3\n");
    server.check("create external table t stored as csv location '$/x.csv'; select count(*) as n from t", "n\n2\n");
    let before = server.sent_bytes.load(Ordering::Relaxed);
    server.check("select count(*) = (select count(*) from store_sales) as same from '$/s.parquet'", "same\ntrue\n");
    server.check(
        "select sum(a.ss_quantity) = (select sum(ss_quantity) from store_sales) as same from '$/s.parquet' a",
        "same\ntrue\n",
    );
    let whole = std::fs::metadata(folder.path().join("s.parquet")).expect("there").len();
    let sent = server.sent_bytes.load(Ordering::Relaxed) - before;
    assert!(sent < whole, "one column of many was wanted: {sent} of {whole} bytes were sent");
}

#[test]
fn a_server_that_gives_only_whole_files() {
    let folder = folder();
    let server = Server::start(folder.path(), false);
    server.check("select b from '$/x.csv' where a = 2", "b\ntwo\n");
    server.check("select count(*) = (select count(*) from store_sales) as same from '$/s.parquet'", "same\ntrue\n");
    server.check(
        "create view v as select a from '$/x.csv'; select sum(a) as s from v; select a from v",
        "s\n3\na\n1\n2\n",
    );
    server.check("select count(*) as n from '$/private/x.csv?key=1'", "n\n2\n");
}

#[test]
fn what_cannot_be_reached_is_named() {
    let folder = folder();
    let server = Server::start(folder.path(), true);
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    for (place, expected) in [
        ("$/missing.csv", "there is no file or folder `$/missing.csv`"),
        ("$/private/x.csv", "there is no file or folder `$/private/x.csv`"),
        ("$/empty.csv", "`$/empty.csv` is empty"),
        ("$/", "web servers list no files: name one"),
        ("$/*.csv", "web servers list no files: name one"),
        ("$/x.csv.gz", "is compressed"),
        ("$/x.html", "the ending of `$/x.html` tells no format"),
        ("http://", "`http://` cannot be read: empty host"),
        (&format!("http://{nobody}/x.csv"), &format!("`http://{nobody}/x.csv` cannot be reached: ")),
    ] {
        let place = place.replace('$', &server.address);
        let expected = expected.replace('$', &server.address);
        let sql = format!("select * from '{place}'");
        let failed = dsbench(&["sql", "--data", tiny_data(), "--format", "csv", &sql]);
        assert_eq!(failed.code, Some(4), "{sql}\n{}", failed.stderr);
        assert!(failed.stderr.contains(&expected), "{sql}\n{}", failed.stderr);
    }
}
