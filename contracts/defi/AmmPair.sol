// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAmmPair} from "../interfaces/IAmmPair.sol";
import {IERC20} from "../interfaces/IERC20.sol";
import {ERC20} from "./ERC20.sol";
import {SafeTransfer} from "./SafeTransfer.sol";

/// @title Constant-product market of two tokens with a fee of 0.3 %
/// @notice The invariant: no trade lowers reserve0 · reserve1, taken after the fee on what came in. The fee stays in
/// the reserves and so belongs to the holders of shares. Amounts that reach the pair outside of the router belong to
/// whoever calls first.
contract AmmPair is IAmmPair, ERC20 {
    using SafeTransfer for address;

    /// @dev Fee on what comes in: 3 of 1,000.
    uint256 private constant FEE_PER_MILLE = 3;
    uint256 private constant MILLE = 1000;
    /// @dev Shares of the first deposit that nobody can ever take out. Without them the first provider could make one
    /// share arbitrarily expensive and so keep out, or round down, everybody who comes later.
    uint256 private constant LOCKED_SHARES = 1000;
    /// @dev Holder of the locked shares: an address nobody has a key for.
    address private constant LOCK = address(0xdEaD);

    address private immutable _token0;
    address private immutable _token1;
    /// @dev 112 bits each, so that both lie in one slot and products of them, scaled by 10⁶, stay below 2²⁵⁶.
    uint112 private _reserve0;
    uint112 private _reserve1;
    bool private transient _entered;

    modifier nonReentrant() {
        if (_entered) revert Reentered();
        _entered = true;
        _;
        _entered = false;
    }

    /// @param token0_ The lower address of both tokens.
    constructor(address token0_, address token1_) ERC20("Aevir AMM share", "AEV-LP") {
        if (token0_ >= token1_) revert UnorderedTokens(token0_, token1_);
        _token0 = token0_;
        _token1 = token1_;
    }

    /// @inheritdoc IAmmPair
    function token0() external view returns (address) {
        return _token0;
    }

    /// @inheritdoc IAmmPair
    function token1() external view returns (address) {
        return _token1;
    }

    /// @inheritdoc IAmmPair
    function reserves() external view returns (uint112 reserve0, uint112 reserve1) {
        return (_reserve0, _reserve1);
    }

    /// @inheritdoc IAmmPair
    function mint(address to) external nonReentrant returns (uint256 shares) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0 = balance0 - _reserve0;
        uint256 amount1 = balance1 - _reserve1;
        uint256 supply = totalSupply();
        if (supply == 0) {
            // The geometric mean does not depend on the units of either token.
            uint256 root = _sqrt(amount0 * amount1);
            if (root <= LOCKED_SHARES) revert InsufficientLiquidityAdded(amount0, amount1, root);
            shares = root - LOCKED_SHARES;
            _mint(LOCK, LOCKED_SHARES);
        } else {
            // The lesser of both, so that nobody gains by adding at another price than the current one.
            uint256 shares0 = (amount0 * supply) / _reserve0;
            uint256 shares1 = (amount1 * supply) / _reserve1;
            shares = shares0 < shares1 ? shares0 : shares1;
            if (shares == 0) revert InsufficientLiquidityAdded(amount0, amount1, 0);
        }
        _mint(to, shares);
        _update(balance0, balance1);
        emit Mint(msg.sender, amount0, amount1, shares, to);
    }

    /// @inheritdoc IAmmPair
    function burn(address to) external nonReentrant returns (uint256 amount0, uint256 amount1) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 shares = balanceOf(address(this));
        uint256 supply = totalSupply();
        // A pair without shares has nothing to divide by and nothing to give.
        if (shares == 0) revert InsufficientLiquidityRemoved(0, 0, 0);
        amount0 = (shares * balance0) / supply;
        amount1 = (shares * balance1) / supply;
        if (amount0 == 0 || amount1 == 0) revert InsufficientLiquidityRemoved(shares, amount0, amount1);
        _burn(address(this), shares);
        _token0.send(to, amount0);
        _token1.send(to, amount1);
        (balance0, balance1) = _balances();
        _update(balance0, balance1);
        emit Burn(msg.sender, amount0, amount1, shares, to);
    }

    /// @inheritdoc IAmmPair
    function swap(uint256 amount0Out, uint256 amount1Out, address to) external nonReentrant {
        (uint256 reserve0, uint256 reserve1) = (_reserve0, _reserve1);
        bool isCovered = amount0Out < reserve0 && amount1Out < reserve1;
        if (!isCovered || (amount0Out == 0 && amount1Out == 0)) {
            revert InsufficientReserves(amount0Out, amount1Out, reserve0, reserve1);
        }
        if (to == _token0 || to == _token1) revert InvalidRecipient(to);
        if (amount0Out > 0) _token0.send(to, amount0Out);
        if (amount1Out > 0) _token1.send(to, amount1Out);
        (uint256 amount0In, uint256 amount1In) = _settle(reserve0, reserve1, amount0Out, amount1Out);
        emit Swap(msg.sender, amount0In, amount1In, amount0Out, amount1Out, to);
    }

    /// @dev Records the balances after a payout and holds what came in against the invariant.
    function _settle(uint256 reserve0, uint256 reserve1, uint256 amount0Out, uint256 amount1Out)
        private
        returns (uint256 amount0In, uint256 amount1In)
    {
        (uint256 balance0, uint256 balance1) = _balances();
        amount0In = _excess(balance0, reserve0 - amount0Out);
        amount1In = _excess(balance1, reserve1 - amount1Out);
        if (amount0In == 0 && amount1In == 0) revert NothingPaid();
        // Bounds the balances, and with them the products that follow.
        _update(balance0, balance1);
        uint256 before = reserve0 * reserve1 * MILLE * MILLE;
        uint256 afterwards =
            (balance0 * MILLE - amount0In * FEE_PER_MILLE) * (balance1 * MILLE - amount1In * FEE_PER_MILLE);
        if (afterwards < before) revert ProductDecreased(before, afterwards);
    }

    function _balances() private view returns (uint256 balance0, uint256 balance1) {
        balance0 = IERC20(_token0).balanceOf(address(this));
        balance1 = IERC20(_token1).balanceOf(address(this));
    }

    function _update(uint256 balance0, uint256 balance1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) {
            revert ReserveOverflow(balance0, balance1, type(uint112).max);
        }
        // Neither cast cuts anything off: both were compared with the type's maximum above.
        _reserve0 = uint112(balance0);
        _reserve1 = uint112(balance1);
        emit Sync(uint112(balance0), uint112(balance1));
    }

    /// @dev How far `balance` is above `expected`; 0 when it is not.
    function _excess(uint256 balance, uint256 expected) private pure returns (uint256) {
        return balance > expected ? balance - expected : 0;
    }

    /// @dev The square root, rounded down (Newton's method). From any start above the root the values fall strictly
    /// until they reach it, so the loop ends.
    function _sqrt(uint256 value) private pure returns (uint256 root) {
        if (value < 2) return value;
        root = value;
        uint256 next = value / 2 + 1;
        while (next < root) {
            root = next;
            next = (value / root + root) / 2;
        }
    }
}
