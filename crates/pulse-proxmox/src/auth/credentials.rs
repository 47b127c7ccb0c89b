//! From the settings of an instance to credentials that can be used.

use pulse_core::Secret;

/// Resolved credentials of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `id` is complete: `user@realm!name`.
    Token { id: String, secret: Secret },
    /// `user` is complete: `user@realm`.
    Password { user: String, password: Secret },
}

/// Why settings do not make credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("no credentials; enter an API token, or user and password")]
    Missing,
    #[error("the token name {0:?} is not complete; enter user@realm!name")]
    TokenName(String),
    #[error("the user {0:?} is not complete; enter user@realm")]
    User(String),
    #[error("user, token name or secret contains a character that cannot be sent in a header")]
    Unprintable,
}

impl Credentials {
    /// From the settings of an instance. A complete token wins; a token without secret falls back
    /// to the password; a bare token name takes user and realm from `user`; the realm defaults to `pam`.
    pub fn resolve(
        user: &str,
        password: &Secret,
        token_name: &str,
        token_value: &Secret,
    ) -> Result<Self, CredentialsError> {
        Self::resolve_in("pam", user, password, token_name, token_value)
    }

    /// As [`Self::resolve`], with another realm for users that are entered without one.
    pub fn resolve_in(
        realm: &str,
        user: &str,
        password: &Secret,
        token_name: &str,
        token_value: &Secret,
    ) -> Result<Self, CredentialsError> {
        let (user, token_name) = (user.trim(), token_name.trim());
        let with_realm = |user: &str| {
            if user.contains('@') {
                user.to_owned()
            } else {
                format!("{user}@{realm}")
            }
        };
        if !token_name.is_empty() && !token_value.is_empty() {
            let (owner, name) = match token_name.split_once('!') {
                Some((owner, name)) if !owner.is_empty() => (owner, name),
                Some((_, name)) => (user, name),
                None => (user, token_name),
            };
            if owner.is_empty() || name.is_empty() {
                return Err(CredentialsError::TokenName(token_name.to_owned()));
            }
            let secret = Secret::new(token_value.expose().trim());
            if !printable(owner) || !printable(name) || !printable(secret.expose()) {
                return Err(CredentialsError::Unprintable);
            }
            return Ok(Self::Token {
                id: format!("{}!{name}", with_realm(owner)),
                secret,
            });
        }
        if password.is_empty() || user.is_empty() {
            return Err(CredentialsError::Missing);
        }
        let user = with_realm(user);
        match user.split_once('@') {
            Some((name, realm))
                if !name.is_empty() && !realm.is_empty() && !realm.contains('@') =>
            {
                Ok(Self::Password {
                    user,
                    password: password.clone(),
                })
            }
            _ => Err(CredentialsError::User(user)),
        }
    }

    pub fn uses_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }
}

fn printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user: &str, password: &str, token: &str, value: &str, expect: &str) {
        let shown = match Credentials::resolve(user, &password.into(), token, &value.into()) {
            Ok(Credentials::Token { id, .. }) => format!("token {id}"),
            Ok(Credentials::Password { user, .. }) => format!("password {user}"),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn credentials_as_users_enter_them() {
        check("", "", "monitor@pve!pulse", "s", "token monitor@pve!pulse");
        check("monitor@pve", "", "pulse", "s", "token monitor@pve!pulse");
        check("root", "", "pulse", "s", "token root@pam!pulse");
        check("root@pam", "pw", "pulse", "", "password root@pam");
        check("root", "pw", "", "", "password root@pam");
        check("", "", "pulse", "s", "TokenName(\"pulse\")");
        check("a@b@c", "pw", "", "", "User(\"a@b@c\")");
        check("root", "", "", "", "Missing");
        check("root", "", "pulse", "a\nb", "Unprintable");
    }
}
