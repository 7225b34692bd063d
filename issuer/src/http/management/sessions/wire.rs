//! A session as the Management API shows it.
//!
//! Members and their names are Auth0's; a member without a value is left out, also the metadata
//! of a session that carries none.

use logout_shared::{ClientId, SessionId, SessionMetadata, Subject, Timestamp};
use serde::Serialize;

use crate::domain::session::{AuthenticationMethod, CookieMode, Device, Participant, Session};

/// The JSON form of a session.
#[derive(Debug, Serialize)]
pub struct SessionBody {
    id: SessionId,
    user_id: Subject,
    created_at: Timestamp,
    updated_at: Timestamp,
    authenticated_at: Timestamp,
    idle_expires_at: Timestamp,
    expires_at: Timestamp,
    last_interacted_at: Timestamp,
    device: DeviceBody,
    clients: Vec<ClientBody>,
    authentication: AuthenticationBody,
    cookie: CookieBody,
    #[serde(skip_serializing_if = "SessionMetadata::is_empty")]
    session_metadata: SessionMetadata,
}

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
struct ClientBody {
    client_id: ClientId,
}

#[derive(Debug, Serialize)]
struct AuthenticationBody {
    methods: Vec<AuthenticationMethod>,
}

#[derive(Debug, Serialize)]
struct CookieBody {
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
