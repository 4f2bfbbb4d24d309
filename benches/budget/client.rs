use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Fallible;

/// One kept-alive HTTP/1.1 connection. It does the minimum, to be cheaper than what it measures: a
/// request is one prepared write, and a response must have a Content-Length.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A response in the connection's buffer.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// Uses an open connection.
    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Fallible<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            self.fill().await?;
            if let Some(end) = end_of_head(&self.received) {
                break Head::read(&self.received, end)?;
            }
        };
        let end = head.end + head.body_bytes;
        self.received
            .reserve(end.saturating_sub(self.received.len()));
        while self.received.len() < end {
            self.fill().await?;
        }
        if self.received.len() > end {
            return Err("the server sent more than it announced".into());
        }
        Ok(Answer {
            status: head.status,
            body: &self.received[head.end..],
        })
    }

    async fn fill(&mut self) -> Fallible<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(format!(
                "the server closed the connection after {:?}",
                String::from_utf8_lossy(&self.received)
            )
            .into()),
            _ => Ok(()),
        }
    }
}

/// The relevant part of a response head.
struct Head {
    status: u16,
    /// Offset of the body.
    end: usize,
    body_bytes: usize,
}

impl Head {
    fn read(received: &[u8], end: usize) -> Fallible<Self> {
        let text = std::str::from_utf8(&received[..end])?;
        let status = text.split(' ').nth(1).ok_or("no HTTP status")?.parse()?;
        let body_bytes = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .ok_or_else(|| format!("an answer without its length: {text:?}"))?
            .1
            .trim()
            .parse()?;
        Ok(Self {
            status,
            end,
            body_bytes,
        })
    }
}

fn end_of_head(received: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    received
        .windows(END.len())
        .position(|window| window == END)
        .map(|at| at + END.len())
}
