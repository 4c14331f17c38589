// SPDX-License-Identifier: Apache-2.0
// Timelocks whose own sources may not be stored here (AGPL, LGPL, BUSL), written again from their documented interfaces: the
// same functions and logs, the same order of calls; who may call is left out. Solady's is its own.
pragma solidity ^0.8.24;

import {Timelock} from "solady/src/accounts/Timelock.sol";

contract SoladyTimelock is Timelock {}

// A payload or spell: its own code names the change, the call that runs it does not.
contract Payload {
    address private immutable _admin;
    address private immutable _proxy;
    address private immutable _target;

    constructor(address admin, address proxy, address target) {
        (_admin, _proxy, _target) = (admin, proxy, target);
    }

    function execute() external {
        (bool done,) = _admin.call(abi.encodeWithSignature("upgrade(address,address)", _proxy, _target));
        require(done);
    }
}

abstract contract Running {
    function _run(address target, string memory signature, bytes memory body, bool delegated)
        internal
        returns (bytes memory)
    {
        bytes memory whole =
            bytes(signature).length == 0 ? body : abi.encodePacked(bytes4(keccak256(bytes(signature))), body);
        (bool done, bytes memory result) = delegated ? target.delegatecall(whole) : target.call(whole);
        require(done, "failed");
        return result;
    }
}

// What executes for a queue that does not execute itself (DSPauseProxy, Aave's and Lido's Executor).
contract Executing is Running {
    event ExecutedAction(
        address indexed target, uint256 value, string signature, bytes data, uint256 executionTime, bool withDelegatecall,
        bytes resultData
    );

    function exec(address usr, bytes memory fax) external returns (bytes memory) {
        return _run(usr, "", fax, true);
    }

    function execute(address target, uint256, bytes memory body) external returns (bytes memory) {
        return _run(target, "", body, false);
    }

    function executeTransaction(address target, uint256 value, string memory signature, bytes memory body, bool delegated)
        external
        returns (bytes memory result)
    {
        result = _run(target, signature, body, delegated);
        emit ExecutedAction(target, value, signature, body, block.timestamp, delegated, result);
    }
}

// makerdao/ds-pause DSPause.sol with dapphub/ds-note.
contract DSPause {
    event LogNote(
        bytes4 indexed sig, address indexed guy, bytes32 indexed foo, bytes32 indexed bar, uint256 wad, bytes fax
    ) anonymous;

    Executing public proxy = new Executing();
    uint256 public delay = 60;
    mapping(bytes32 => bool) public plans;

    modifier note() {
        bytes32 foo;
        bytes32 bar;
        assembly {
            foo := calldataload(4)
            bar := calldataload(36)
        }
        _;
        emit LogNote(msg.sig, msg.sender, foo, bar, 0, msg.data);
    }

    function hash(address usr, bytes32 tag, bytes memory fax, uint256 eta) public pure returns (bytes32) {
        return keccak256(abi.encode(usr, tag, fax, eta));
    }

    function plot(address usr, bytes32 tag, bytes memory fax, uint256 eta) external note {
        require(eta >= block.timestamp + delay, "early");
        plans[hash(usr, tag, fax, eta)] = true;
    }

    function drop(address usr, bytes32 tag, bytes memory fax, uint256 eta) external note {
        plans[hash(usr, tag, fax, eta)] = false;
    }

    function exec(address usr, bytes32 tag, bytes memory fax, uint256 eta) external note returns (bytes memory) {
        require(plans[hash(usr, tag, fax, eta)] && usr.codehash == tag && block.timestamp >= eta, "not due");
        plans[hash(usr, tag, fax, eta)] = false;
        return proxy.exec(usr, fax);
    }
}

interface Avatar {
    function execTransactionFromModule(address to, uint256 value, bytes memory data, uint8 operation)
        external
        returns (bool);
}

// gnosisguild/zodiac-modifier-delay Delay.sol.
contract Delay {
    event TransactionAdded(
        uint256 indexed queueNonce, bytes32 indexed txHash, address to, uint256 value, bytes data, uint8 operation
    );

    address public avatar;
    uint256 public txCooldown = 60;
    uint256 public txNonce;
    uint256 public queueNonce;
    mapping(uint256 => bytes32) public txHash;
    mapping(uint256 => uint256) public txCreatedAt;

    constructor(address owner) {
        avatar = owner;
    }

    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool)
    {
        bytes32 found = keccak256(abi.encode(to, value, data, operation));
        (txHash[queueNonce], txCreatedAt[queueNonce]) = (found, block.timestamp);
        emit TransactionAdded(queueNonce, found, to, value, data, operation);
        queueNonce++;
        return true;
    }

    function setTxNonce(uint256 next) external {
        require(msg.sender == avatar && next > txNonce && next <= queueNonce, "wrong");
        txNonce = next;
    }

    function executeNextTx(address to, uint256 value, bytes calldata data, uint8 operation) external {
        require(txNonce < queueNonce && block.timestamp - txCreatedAt[txNonce] >= txCooldown, "not due");
        require(txHash[txNonce] == keccak256(abi.encode(to, value, data, operation)), "another");
        txNonce++;
        require(Avatar(avatar).execTransactionFromModule(to, value, data, operation), "failed");
    }
}

// aave/governance-v2 ExecutorWithTimelock.sol.
contract ExecutorWithTimelock is Running {
    event QueuedAction(
        bytes32 actionHash, address indexed target, uint256 value, string signature, bytes data, uint256 executionTime,
        bool withDelegatecall
    );
    event ExecutedAction(
        bytes32 actionHash, address indexed target, uint256 value, string signature, bytes data, uint256 executionTime,
        bool withDelegatecall, bytes resultData
    );
    event CancelledAction(
        bytes32 actionHash, address indexed target, uint256 value, string signature, bytes data, uint256 executionTime,
        bool withDelegatecall
    );

    uint256 public constant GRACE_PERIOD = 5 days;
    uint256 public constant MINIMUM_DELAY = 1;
    uint256 public constant MAXIMUM_DELAY = 30 days;
    uint256 public getDelay = 60;
    mapping(bytes32 => bool) public isActionQueued;

    function queueTransaction(
        address target, uint256 value, string memory signature, bytes memory data, uint256 executionTime, bool delegated
    ) external {
        require(executionTime >= block.timestamp + getDelay, "early");
        bytes32 found = keccak256(abi.encode(target, value, signature, data, executionTime, delegated));
        isActionQueued[found] = true;
        emit QueuedAction(found, target, value, signature, data, executionTime, delegated);
    }

    function cancelTransaction(
        address target, uint256 value, string memory signature, bytes memory data, uint256 executionTime, bool delegated
    ) external {
        bytes32 found = keccak256(abi.encode(target, value, signature, data, executionTime, delegated));
        isActionQueued[found] = false;
        emit CancelledAction(found, target, value, signature, data, executionTime, delegated);
    }

    function executeTransaction(
        address target, uint256 value, string memory signature, bytes memory data, uint256 executionTime, bool delegated
    ) external {
        bytes32 found = keccak256(abi.encode(target, value, signature, data, executionTime, delegated));
        require(isActionQueued[found] && block.timestamp >= executionTime, "not due");
        isActionQueued[found] = false;
        bytes memory result = _run(target, signature, data, delegated);
        emit ExecutedAction(found, target, value, signature, data, executionTime, delegated, result);
    }
}

// aave/governance-crosschain-bridges BridgeExecutorBase.sol.
contract BridgeExecutor is Running {
    event ActionsSetQueued(
        uint256 indexed id, address[] targets, uint256[] values, string[] signatures, bytes[] calldatas,
        bool[] withDelegatecalls, uint256 executionTime
    );
    event ActionsSetExecuted(uint256 indexed id, address indexed initiatorExecution, bytes[] returnedData);
    event ActionsSetCanceled(uint256 indexed id);

    struct Set {
        address[] targets;
        string[] signatures;
        bytes[] calldatas;
        bool[] delegated;
        uint256 executionTime;
        bool ended;
    }

    uint256 public getDelay = 60;
    uint256 public getGracePeriod = 5 days;
    uint256 public getActionsSetCount;
    mapping(uint256 => Set) private _sets;

    function queue(
        address[] memory targets, uint256[] memory values, string[] memory signatures, bytes[] memory calldatas,
        bool[] memory delegated
    ) external {
        uint256 time = block.timestamp + getDelay;
        uint256 id = getActionsSetCount++;
        _sets[id] = Set(targets, signatures, calldatas, delegated, time, false);
        emit ActionsSetQueued(id, targets, values, signatures, calldatas, delegated, time);
    }

    function cancel(uint256 id) external {
        _sets[id].ended = true;
        emit ActionsSetCanceled(id);
    }

    function execute(uint256 id) external {
        Set storage one = _sets[id];
        require(!one.ended && block.timestamp >= one.executionTime, "not due");
        one.ended = true;
        bytes[] memory results = new bytes[](one.targets.length);
        for (uint256 at = 0; at < results.length; at++) {
            results[at] = _run(one.targets[at], one.signatures[at], one.calldatas[at], one.delegated[at]);
        }
        emit ActionsSetExecuted(id, msg.sender, results);
    }
}

// bgd-labs/aave-governance-v3 PayloadsControllerCore.sol.
contract PayloadsController {
    struct Action {
        address target;
        bool withDelegateCall;
        uint8 accessLevel;
        uint256 value;
        string signature;
        bytes callData;
    }

    event PayloadCreated(
        uint40 indexed payloadId, address indexed creator, Action[] actions, uint8 indexed maximumAccessLevelRequired
    );
    event PayloadQueued(uint40 payloadId);
    event PayloadExecuted(uint40 payloadId);
    event PayloadCancelled(uint40 payloadId);

    Executing public executor = new Executing();
    uint40 public getPayloadsCount;
    mapping(uint40 => Action[]) private _actions;
    mapping(uint40 => uint256) private _due;

    function createPayload(Action[] calldata actions) external {
        for (uint256 at = 0; at < actions.length; at++) {
            _actions[getPayloadsCount].push(actions[at]);
        }
        emit PayloadCreated(getPayloadsCount++, msg.sender, actions, 1);
    }

    function queue(uint40 id) external {
        _due[id] = block.timestamp + 60;
        emit PayloadQueued(id);
    }

    function cancelPayload(uint40 id) external {
        _due[id] = 0;
        emit PayloadCancelled(id);
    }

    function executePayload(uint40 id) external {
        require(_due[id] > 0 && block.timestamp >= _due[id], "not due");
        _due[id] = 0;
        for (uint256 at = 0; at < _actions[id].length; at++) {
            Action storage one = _actions[id][at];
            executor.executeTransaction(one.target, one.value, one.signature, one.callData, one.withDelegateCall);
        }
        emit PayloadExecuted(id);
    }
}

// lidofinance/dual-governance EmergencyProtectedTimelock.sol, libraries/ExecutableProposals.sol.
contract EmergencyProtectedTimelock {
    struct ExternalCall {
        address target;
        uint96 value;
        bytes payload;
    }

    event ProposalSubmitted(uint256 indexed id, address indexed executor, ExternalCall[] calls);
    event ProposalScheduled(uint256 indexed id);
    event ProposalExecuted(uint256 indexed id);
    event ProposalsCancelledTill(uint256 proposalId);

    Executing public executor = new Executing();
    uint256 public getAfterSubmitDelay = 60;
    uint256 public getAfterScheduleDelay = 60;
    uint256 public getProposalsCount;
    uint256 private _cancelledTill;
    mapping(uint256 => ExternalCall[]) private _calls;
    mapping(uint256 => uint256) private _due;

    function submit(ExternalCall[] calldata calls) external {
        uint256 id = ++getProposalsCount;
        for (uint256 at = 0; at < calls.length; at++) {
            _calls[id].push(calls[at]);
        }
        _due[id] = block.timestamp + getAfterSubmitDelay;
        emit ProposalSubmitted(id, address(executor), calls);
    }

    function schedule(uint256 id) external {
        require(id > _cancelledTill && block.timestamp >= _due[id], "not due");
        _due[id] = block.timestamp + getAfterScheduleDelay;
        emit ProposalScheduled(id);
    }

    function execute(uint256 id) external {
        require(id > _cancelledTill && block.timestamp >= _due[id], "not due");
        for (uint256 at = 0; at < _calls[id].length; at++) {
            executor.execute(_calls[id][at].target, _calls[id][at].value, _calls[id][at].payload);
        }
        emit ProposalExecuted(id);
    }

    function cancelAllNonExecutedProposals() external {
        _cancelledTill = getProposalsCount;
        emit ProposalsCancelledTill(_cancelledTill);
    }
}

// maple-labs/globals-v2 MapleGlobals.sol.
contract MapleGlobals {
    event CallScheduled(
        address indexed caller, address indexed contract_, bytes32 indexed functionId, bytes32 dataHash, uint256 timestamp
    );
    event CallUnscheduled(
        address indexed caller, address indexed contract_, bytes32 indexed functionId, bytes32 dataHash, uint256 timestamp
    );

    mapping(address => mapping(address => mapping(bytes32 => uint256))) private _times;
    mapping(address => mapping(address => mapping(bytes32 => bytes32))) private _hashes;

    function defaultTimelockParameters() external pure returns (uint128, uint128) {
        return (60, 5 days);
    }

    function scheduleCall(address contract_, bytes32 functionId, bytes calldata data) external {
        bytes32 found = keccak256(abi.encode(data));
        _times[msg.sender][contract_][functionId] = block.timestamp;
        _hashes[msg.sender][contract_][functionId] = found;
        emit CallScheduled(msg.sender, contract_, functionId, found, block.timestamp);
    }

    function isValidScheduledCall(address caller, address contract_, bytes32 functionId, bytes calldata data)
        external
        view
        returns (bool)
    {
        return _hashes[caller][contract_][functionId] == keccak256(abi.encode(data))
            && block.timestamp >= _times[caller][contract_][functionId] + 60;
    }

    function unscheduleCall(address contract_, bytes32 functionId, bytes calldata data) external {
        _unschedule(msg.sender, contract_, functionId, data);
    }

    function unscheduleCall(address caller, address contract_, bytes32 functionId, bytes calldata data) external {
        require(contract_ == msg.sender, "not its own");
        _unschedule(caller, contract_, functionId, data);
    }

    function _unschedule(address caller, address contract_, bytes32 functionId, bytes calldata data) private {
        bytes32 found = keccak256(abi.encode(data));
        require(_hashes[caller][contract_][functionId] == found, "another");
        uint256 time = _times[caller][contract_][functionId];
        delete _hashes[caller][contract_][functionId];
        emit CallUnscheduled(caller, contract_, functionId, found, time);
    }
}

interface Globals {
    function isValidScheduledCall(address caller, address contract_, bytes32 functionId, bytes calldata data)
        external
        view
        returns (bool);
    function unscheduleCall(address caller, address contract_, bytes32 functionId, bytes calldata data) external;
}

// maple-labs/pool-v2 PoolManager behind its proxy: upgrade checks the queue in Globals; its log tells a version, no address.
contract PoolManager {
    event Upgraded(uint256 toVersion, bytes upgradeArguments);

    bytes32 private constant LOGIC = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    address private immutable _globals;
    address private immutable _breaker;

    constructor(address globals, address target) {
        (_globals, _breaker) = (globals, msg.sender);
        _write(target);
    }

    function upgrade(uint256 version, bytes calldata arguments) external {
        Globals globals = Globals(_globals);
        require(globals.isValidScheduledCall(msg.sender, address(this), "PM:UPGRADE", msg.data), "not scheduled");
        globals.unscheduleCall(msg.sender, address(this), "PM:UPGRADE", msg.data);
        emit Upgraded(version, arguments);
        _write(abi.decode(arguments, (address)));
    }

    // The way past the queue.
    function setImplementation(address target) external {
        require(msg.sender == _breaker, "not the breaker");
        emit Upgraded(0, "");
        _write(target);
    }

    fallback() external payable {
        bytes32 at = LOGIC;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(at), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    function _write(address target) private {
        bytes32 at = LOGIC;
        assembly {
            sstore(at, target)
        }
    }
}
