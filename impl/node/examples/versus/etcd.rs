//! etcd's key-value service over gRPC: the two calls that are compared, written down by hand from its published
//! `rpc.proto` (API version 3), so that no compiler of protocols is needed.

use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// `etcdserverpb.PutRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `etcdserverpb.PutResponse`; nothing of it is read.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// `etcdserverpb.RangeRequest`, as far as it is used: without `serializable` a read is linearizable.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// `etcdserverpb.RangeResponse`, as far as it is read.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(int64, tag = "4")]
    count: i64,
}

/// A client with a channel, which may be shared.
#[derive(Clone)]
pub struct Etcd(Grpc<Channel>);

impl Etcd {
    /// Connects to one member.
    pub async fn connect(endpoint: &str) -> Result<Etcd, tonic::transport::Error> {
        let channel =
            Endpoint::from_shared(format!("http://{endpoint}"))?.tcp_nodelay(true).connect().await?;
        Ok(Etcd(Grpc::new(channel)))
    }

    /// Writes a value.
    pub async fn put(&mut self, key: &str, value: &str) -> Result<(), tonic::Status> {
        let request = PutRequest { key: key.into(), value: value.into() };
        self.ready().await?;
        let codec = ProstCodec::<PutRequest, PutResponse>::default();
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        self.0.unary(tonic::Request::new(request), path, codec).await.map(|_| ())
    }

    /// Reads a value, linearizably; says whether there was one.
    pub async fn get(&mut self, key: &str) -> Result<bool, tonic::Status> {
        let request = RangeRequest { key: key.into() };
        self.ready().await?;
        let codec = ProstCodec::<RangeRequest, RangeResponse>::default();
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Range");
        let response = self.0.unary(tonic::Request::new(request), path, codec).await?;
        Ok(response.get_ref().count > 0)
    }

    async fn ready(&mut self) -> Result<(), tonic::Status> {
        self.0.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))
    }
}
