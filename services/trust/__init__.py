"""Trust: how far automation may go by itself, for each kind of action and environment, earned and lost by what it does.

Whoever wants the state for a program, such as the gateway, calls :func:`services.trust.view.plain` with what
:meth:`services.trust.repository.TrustRepository.status` answers.
"""
