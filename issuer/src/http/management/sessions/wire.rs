//! A session as the Management API shows it.
//!
//! Members and their names are Auth0's; a member without a value is left out, also the metadata
//! of a session that carries none.

use logout_shared::{ClientId, SessionId, SessionMetadata, Subject, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::session::{AuthenticationMethod, CookieMode, Device, Participant, Session};

/// The JSON form of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    #[schema(value_type = String)]
    id: SessionId,
    #[schema(value_type = String)]
    user_id: Subject,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    authenticated_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_interacted_at: Timestamp,
    device: DeviceBody,
    clients: Vec<ClientBody>,
    authentication: AuthenticationBody,
    cookie: CookieBody,
    #[serde(skip_serializing_if = "SessionMetadata::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    session_metadata: SessionMetadata,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_user_agent: Option<String>,
    initial_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_asn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_user_agent: Option<String>,
    last_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_asn: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionClient)]
struct ClientBody {
    #[schema(value_type = String)]
    client_id: ClientId,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Authentication)]
struct AuthenticationBody {
    #[schema(value_type = Vec<Object>)]
    methods: Vec<AuthenticationMethod>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cookie)]
struct CookieBody {
    #[schema(value_type = String)]
    mode: CookieMode,
}

impl SessionBody {
    /// A live session with its participants.
    pub fn new(session: Session, clients: Vec<Participant>) -> Self {
        let clients = clients.into_iter().map(|it| ClientBody {
            client_id: it.client,
        });
        Self {
            id: session.id,
            user_id: session.user,
            created_at: session.created_at,
            updated_at: session.updated_at,
            authenticated_at: session.authenticated_at,
            idle_expires_at: session.idle_expires_at,
            expires_at: session.expires_at,
            last_interacted_at: session.last_interacted_at,
            device: session.device.into(),
            clients: clients.collect(),
            authentication: AuthenticationBody {
                methods: session.methods,
            },
            cookie: CookieBody {
                mode: session.cookie_mode,
            },
            session_metadata: session.metadata,
        }
    }
}

impl From<Device> for DeviceBody {
    fn from(device: Device) -> Self {
        Self {
            initial_user_agent: device.initial_user_agent,
            initial_ip: device.initial_ip,
            initial_asn: device.initial_asn,
            last_user_agent: device.last_user_agent,
            last_ip: device.last_ip,
            last_asn: device.last_asn,
        }
    }
}
