use super::*;

#[tokio::test]
async fn a_header_section_that_is_too_long_is_rejected_with_431() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    for (length, expected) in [
        (MAX_HEAD_BYTES, "HTTP/1.1 200"),
        (MAX_HEAD_BYTES + 1, "HTTP/1.1 431"),
        (2 * MAX_HEAD_BYTES, "HTTP/1.1 431"),
    ] {
        let head = |value: &str| format!("GET / HTTP/1.1\r\nhost: x\r\na: {value}\r\n\r\n");
        let head = head(&"a".repeat(length - head("").len()));
        let mut stream = server.connect(1).await;
        // The request may be rejected before all is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        assert_eq!(status_line(&mut stream).await, expected, "{length}");
    }
}

/// In any number and split in any way (RFC 9112, section 2.2).
#[tokio::test]
async fn empty_lines_before_a_request_are_ignored() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    let many = "\r\n".repeat(100_000);
    for (lines, path) in [("\r\n", "/"), ("\n\n\r\n", "/"), (&*many, "/large")] {
        let mut stream = server.send(1, lines).await;
        stream.set_nodelay(true).expect("at once");
        for piece in [
            "\r",
            "\n",
            "\r\n",
            &request("/"),
            "\r\n",
            &last_request(path),
        ] {
            stream.write_all(piece.as_bytes()).await.expect("sent");
        }
        let received = read_to_end(stream).await;
        assert_eq!(
            received.matches("HTTP/1.1 200").count(),
            2,
            "{}",
            received.len()
        );
    }
}

/// RFC 9112, section 2.2: a recipient ignores CRLF, but a CR alone is not a line end.
#[tokio::test]
async fn a_carriage_return_alone_before_a_request_is_rejected() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    for start in ["\r", "\r\r\n", "\r\n\r"] {
        let received = read_to_end(
            server
                .send(1, &format!("{start}{}", last_request("/")))
                .await,
        )
        .await;
        assert!(
            received.starts_with("HTTP/1.1 400"),
            "{start:?}: {received}"
        );
    }
}

/// No byte is lost while a long request waits for tick permits.
#[tokio::test]
async fn a_long_request_arrives_complete() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    let body = "x".repeat(300_000);
    for head in [
        format!("content-length: {}\r\n\r\n{body}", body.len()),
        format!(
            "transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
    ] {
        let head = format!("POST /length HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}");
        let received = read_to_end(server.send(1, &head).await).await;
        assert!(received.ends_with("\r\n\r\n300000"), "{received}");
    }
}

/// No byte is lost wherever the network splits the bytes of pipelined requests.
#[tokio::test]
async fn pipelined_requests_arrive_complete() {
    let requests = [
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\n\r\na\nb\r",
        "\r\nPOST /echo HTTP/1.1\r\nhost: x\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ]
    .concat();
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    for split in 1..requests.len() {
        let (first, second) = requests.split_at(split);
        let mut stream = server.send(1, first).await;
        // The server runs on this thread; this lets it read the first part.
        for _ in 0..30 {
            tokio::task::yield_now().await;
        }
        stream.write_all(second.as_bytes()).await.expect("sent");
        let received = read_to_end(stream).await;
        let bodies: Vec<&str> = received.split(['[', ']']).skip(1).step_by(2).collect();
        assert_eq!(
            bodies,
            ["2:\r\na\nb\r", "3:\r\n\r\n", "3:"],
            "split before {second:?}: {received}"
        );
    }
}
