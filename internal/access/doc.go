// Package access says who somebody is and what they may do (R43): accounts
// with passwords, API tokens, one-time sign-in links, sessions, and roles as a
// table of permissions. A permission is the name of an operation, noun.verb.
//
// It promises: no secret is stored, only argon2id of passwords and SHA-256 of
// random secrets; guessing is slowed down by who guesses, so that nobody can
// lock a colleague out; checking an actor costs no SQL; what is disabled,
// revoked or expired stops at once.
//
// Accounts, tokens, links and sessions lie in register.db, through Store.
package access
