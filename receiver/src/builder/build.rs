//! The last step: checks the settings and puts the parts together.

use std::sync::Arc;

use logout_shared::{ClientId, Issuer};

use super::{BuildError, Builder};
use crate::backchannel_logout::{BackchannelLogout, Inner, Owners};
use crate::http::require_session::PresentedBy;
use crate::replay::{MemoryReplayCache, RESERVATION};
use crate::session_index::Scope;
use crate::verifier::{Keys, Verifier};

impl Builder {
    /// Checks the settings and puts the parts together, without any I/O.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the first setting that cannot work.
    pub fn build(mut self) -> Result<BackchannelLogout, BuildError> {
        let sessions = self.index.take().ok_or(BuildError::NoSessionIndex)?;
        let cookie_only = matches!(self.presented_by, PresentedBy::Cookie(_));
        if cookie_only && !sessions.survives_restart() {
            return Err(BuildError::CookiesNeedDurableMarks);
        }
        if self.sessions.hook_time_limit >= RESERVATION {
            return Err(BuildError::HookTimeLimit(self.sessions.hook_time_limit));
        }
        let replay = self.replay.take();
        let replay = replay.unwrap_or_else(|| Arc::new(MemoryReplayCache::new(&*self.random)));
        let (hook, settings) = (self.hook.take(), self.sessions.clone());
        let (endpoint, presented_by) = (self.endpoint.clone(), self.presented_by.clone());
        let (clock, owners) = (Arc::clone(&self.clock), Owners::new(&*self.random));
        let verifier = self.build_verifier()?;
        let scope = verifier.scope().clone();
        Ok(BackchannelLogout {
            inner: Arc::new(Inner {
                verifier,
                replay,
                sessions,
                hook,
                settings,
                endpoint,
                presented_by,
                scope,
                clock,
                owners,
            }),
        })
    }

    /// Builds only the part that checks tokens; it needs no session index.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the first setting that cannot work.
    pub fn build_verifier(self) -> Result<Verifier, BuildError> {
        let issuer = Issuer::try_from(self.issuer)?;
        let client_id = Arc::new(ClientId::try_from(self.client_id)?);
        let algorithm = self.rules.algorithm;
        let source = self
            .keys
            .source(algorithm, &issuer, self.key_settings, &self.clock)?;
        let keys = Keys {
            source,
            #[cfg(feature = "jwe")]
            decryption: self.decryption,
        };
        Ok(Verifier::new(
            Scope { issuer, client_id },
            self.rules,
            keys,
            self.clock,
        ))
    }
}
