use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Serves a stand-in's routes, over TLS if there is an acceptor. Never returns.
pub(crate) async fn serve_http(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        client.set_nodelay(true).expect("an option");
        let (acceptor, router) = (acceptor.clone(), router.clone());
        connections.spawn(async move {
            let service = TowerToHyperService::new(router);
            let http = http1::Builder::new();
            // A client that rejects the certificate ends the handshake, and one that has read
            // enough its connection.
            match acceptor {
                None => drop(http.serve_connection(TokioIo::new(client), service).await),
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(client).await {
                        drop(http.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}
