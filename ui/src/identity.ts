/** Signing in: Keystone v3 behind /identity/ on the page's own origin, or a token that somebody pastes. */
import { ApiError, getJson, request } from './api';
import { Session } from './session';

export interface Project {
    id: string;
    name: string;
    domain: string;
}

interface TokenDocument {
    token: {
        user?: { name?: string };
        project?: { id?: string; name?: string; domain?: { name?: string } };
    };
}

interface Profile {
    openid: string;
    fullname: string | null;
    is_admin: boolean;
}

export interface Credentials {
    user: string;
    password: string;
    domain: string;
    project: string;
    projectDomain: string;
}

type Scope = { project: { id: string } } | { project: { name: string; domain: { name: string } } };

interface Issued {
    token: string;
    document: TokenDocument;
}

async function issue(methods: object, scope: Scope | 'unscoped', signal?: AbortSignal): Promise<Issued> {
    const response = await request('/identity/v3/auth/tokens', {
        method: 'POST',
        json: { auth: { identity: methods, scope } },
        token: null,
        signal,
    });
    const token = response.headers.get('X-Subject-Token');
    if (!token) throw new ApiError(0, 'Keystone gave no token.');
    return { token, document: (await response.json()) as TokenDocument };
}

function passwordMethod(c: Credentials): object {
    return { methods: ['password'], password: { user: { name: c.user, domain: { name: c.domain }, password: c.password } } };
}

/** What Tally says of the bearer of a token; throws where it takes none. */
async function profileOf(token: string, signal?: AbortSignal): Promise<Profile> {
    return getJson<Profile>('/v1/profile', { token, signal });
}

async function sessionOf(issued: Issued, signal?: AbortSignal): Promise<Session> {
    const profile = await profileOf(issued.token, signal);
    const { token } = issued.document;
    return {
        token: issued.token,
        userId: profile.openid,
        userName: token.user?.name ?? profile.fullname ?? profile.openid,
        projectName: token.project?.name ?? null,
        projectId: token.project?.id ?? null,
        isStaff: profile.is_admin,
    };
}

/** With a project: a session. Without one: the projects to choose from, and a token that can be scoped to one. */
export async function signInByPassword(
    c: Credentials,
    signal?: AbortSignal,
): Promise<{ session: Session } | { projects: Project[]; unscoped: string }> {
    if (c.project) {
        const scope = { project: { name: c.project, domain: { name: c.projectDomain || c.domain } } };
        return { session: await sessionOf(await issue(passwordMethod(c), scope, signal), signal) };
    }
    const { token } = await issue(passwordMethod(c), 'unscoped', signal);
    const list = await getJson<{ projects: { id: string; name: string; domain_id: string; enabled: boolean }[] }>(
        '/identity/v3/auth/projects',
        { token, signal },
    );
    const projects = list.projects.filter((p) => p.enabled).map((p) => ({ id: p.id, name: p.name, domain: p.domain_id }));
    if (projects.length === 0) throw new ApiError(0, 'You have no role in any project.');
    const only = projects[0];
    if (only && projects.length === 1) return { session: await chooseProject(token, only, signal) };
    return { projects, unscoped: token };
}

export async function chooseProject(unscoped: string, project: Project, signal?: AbortSignal): Promise<Session> {
    const methods = { methods: ['token'], token: { id: unscoped } };
    return sessionOf(await issue(methods, { project: { id: project.id } }, signal), signal);
}

export async function signInByToken(token: string, signal?: AbortSignal): Promise<Session> {
    const profile = await profileOf(token, signal);
    return {
        token,
        userId: profile.openid,
        userName: profile.fullname ?? profile.openid,
        projectName: null,
        projectId: null,
        isStaff: profile.is_admin,
    };
}

export interface Health {
    status: string;
    identity_driver: string;
}

/** How the server knows people; an unreachable one throws. */
export async function getHealth(signal?: AbortSignal): Promise<Health> {
    return getJson<Health>('/healthz', { token: null, signal });
}

/** Tells Keystone that the token is no longer needed. It may say no: then the token ends by itself. */
export async function revoke(token: string): Promise<void> {
    await request('/identity/v3/auth/tokens', { method: 'DELETE', token, headers: { 'X-Subject-Token': token } });
}
